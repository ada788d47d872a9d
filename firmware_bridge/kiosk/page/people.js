// The list of who is enrolled, as rows of the page.
import { quoted } from "./words.js";

const MOST = 200; // rows; who is not among them is found by name

// Those whose names hold that text; `actions` are words on buttons, and functions from a name.
export function rows(people, text, actions) {
  const wanted = text.trim().toLowerCase();
  const found = people.filter((user) => user.toLowerCase().includes(wanted));
  const shown = found.slice(0, MOST).map((user) => person(user, actions));
  if (!people.length) return [note("Nobody is enrolled yet.")];
  if (!found.length) return [note("No such name.")];
  return found.length > MOST ? [...shown, note(`${found.length - MOST} more: find them by name.`)] : shown;
}

function person(user, actions) {
  const row = document.createElement("li");
  row.append(Object.assign(document.createElement("span"), { textContent: user }));
  for (const [word, action] of Object.entries(actions)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: word });
    button.setAttribute("aria-label", `${word} ${quoted(user)}`);
    button.addEventListener("click", () => action(user));
    row.append(button);
  }
  return row;
}

const note = (text) => Object.assign(document.createElement("li"), { className: "none", textContent: text });
