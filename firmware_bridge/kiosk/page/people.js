// The list of who is enrolled, as rows of the page.
import { text } from "./language.js";
import { quoted } from "./words.js";

const MOST = 200; // rows; who is not among them is found by name

// Those whose names hold what is looked for; `actions` are names of texts on buttons, and functions from a name.
export function rows(people, part, actions) {
  const wanted = part.trim().toLowerCase();
  const found = people.filter((user) => user.toLowerCase().includes(wanted));
  const shown = found.slice(0, MOST).map((user) => person(user, actions));
  if (!people.length) return [note(text("nobody_yet"))];
  if (!found.length) return [note(text("no_such_name"))];
  return found.length > MOST ? [...shown, note(text("more_people", { count: found.length - MOST }))] : shown;
}

function person(user, actions) {
  const row = document.createElement("li");
  row.append(Object.assign(document.createElement("span"), { textContent: user }));
  for (const [key, action] of Object.entries(actions)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text(key) });
    button.setAttribute("aria-label", text("action_on", { action: text(key), user: quoted(user, Infinity) }));
    button.addEventListener("click", () => action(user));
    row.append(button);
  }
  return row;
}

const note = (words) => Object.assign(document.createElement("li"), { className: "none", textContent: words });
