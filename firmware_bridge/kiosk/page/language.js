// What the page says, in the language chosen: by the selector, by ?lang=de, or as the browser prefers.
import { TEXTS } from "./texts.js";

export const FIRST = preferred();
let language = FIRST;

function preferred() {
  const asked = new URLSearchParams(location.search).get("lang");
  const codes = [asked, ...navigator.languages].map((code) => (code ?? "").toLowerCase().split("-")[0]);
  return codes.find((code) => Object.hasOwn(TEXTS, code)) ?? "en";
}

// A text of the page's own, its values filled in.
export function text(name, values = {}) {
  return TEXTS[language].page[name].replace(/{(\w+)}/g, (_, value) => values[value]);
}

// The words for a token; a token that a later device says, as it is.
export const word = (kind, token) => TEXTS[language][kind][token] ?? token;

// What is said of an error of that class: [in short, in detail]; undefined: of this one nothing.
export const errorText = (name) => TEXTS[language].errors[name];

export const decimal = (number) =>
  number.toLocaleString(language, { minimumFractionDigits: 3, maximumFractionDigits: 3 });

// Put texts where the page's elements name them, from now on in that language.
export function speak(code) {
  language = code;
  document.documentElement.lang = code;
  document.title = text("title");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = text(element.dataset.label);
  for (const element of document.querySelectorAll("[data-hint]")) element.placeholder = text(element.dataset.hint);
}

// Fill a selector with the languages, under the names that they give themselves.
export function offer(select, onChoice) {
  select.replaceChildren(
    ...Object.entries(TEXTS).map(([code, { name }]) => {
      const option = Object.assign(document.createElement("option"), { value: code, lang: code });
      option.textContent = name;
      return option;
    }),
  );
  select.value = language;
  select.addEventListener("change", () => onChoice(select.value));
}
