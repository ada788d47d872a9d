// Keys on the screen, for who has no others: they come when a field is touched and go with the first real key.
import { text } from "./language.js";

const ROWS = {
  text: ["1234567890", "qwertyuiop", "asdfghjkl'", ["Shift", ..."zxcvbnm", "Backspace"], [..."-_.@", "Space", "Done"]],
  digits: ["123", "456", "789", ["ABC", "0", "Backspace"]],
};
const SIGNS = { Shift: "⇧", Backspace: "⌫", ABC: "abc" };
const WORDS = { Space: "key_space", Done: "key_done" };
const SPOKEN = new Set(["Shift", "Backspace", "Space", "ABC", "'", "-", "_", ".", "@"]);

export class Keyboard {
  constructor() {
    this.field = null;
    this.typed = false; // on a real keyboard
    this.element = Object.assign(document.createElement("div"), { className: "keyboard", hidden: true });
    this.element.setAttribute("role", "group");
    this.name();
    this.element.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps focus and cursor
    this.element.addEventListener("click", ({ target }) => target.value && this.press(target.value));
    document.addEventListener("keydown", (event) => this.real(event));
    document.addEventListener("pointerdown", ({ target }) => this.elsewhere(target));
  }

  // Name it and its keys, in the language chosen.
  name() {
    this.element.setAttribute("aria-label", text("keyboard"));
    if (this.element.dataset.layer) this.lay(this.element.dataset.layer);
  }

  // Be there for a field, instead of the system's keyboard.
  serve(field, layer) {
    field.inputMode = "none";
    field.addEventListener("pointerdown", ({ pointerType }) => {
      if (!this.typed || pointerType !== "mouse") this.show(field, layer);
    });
  }

  show(field, layer) {
    if (field.inputMode !== "none" || field.readOnly) return;
    if (field === this.field && !this.element.hidden) return;
    this.field = field;
    this.lay(layer);
    (field.closest("dialog")?.querySelector(".keys") ?? document.querySelector("main")).append(this.element);
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }

  lay(layer) {
    this.element.dataset.layer = layer;
    this.element.replaceChildren(
      ...ROWS[layer].map((row) => {
        const made = Object.assign(document.createElement("div"), { className: "keyrow" });
        made.append(...[...row].map(key));
        return made;
      }),
    );
    this.shift(false);
  }

  shift(on) {
    this.shifted = on;
    for (const button of this.element.querySelectorAll("button")) {
      if (/^[a-z]$/.test(button.value)) button.textContent = on ? button.value.toUpperCase() : button.value;
      if (button.value === "Shift") button.setAttribute("aria-pressed", String(on));
    }
  }

  press(name) {
    if (name === "Done") this.hide();
    else if (name === "ABC") this.lay("text");
    else if (name === "Shift") this.shift(!this.shifted);
    else this.edit(name);
  }

  edit(name) {
    const { field } = this;
    if (field.readOnly) return;
    let { selectionStart: start, selectionEnd: end } = field;
    if (name === "Backspace" && start === end) start = Math.max(0, start - 1);
    const text = { Backspace: "", Space: " " }[name] ?? (this.shifted ? name.toUpperCase() : name);
    if (field.value.length - (end - start) + text.length > field.maxLength && field.maxLength >= 0) return;
    field.setRangeText(text, start, end, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    if (this.shifted) this.shift(false);
  }

  real(event) {
    this.typed = true;
    if (this.element.hidden || this.element.closest("dialog")) return; // there it would move what is pressed next
    if (event.key === "Escape") event.preventDefault(); // it was for the keys
    this.hide();
  }

  elsewhere(target) {
    if (target !== this.field && !this.element.contains(target) && !this.element.closest("dialog")) this.hide();
  }
}

function key(name) {
  const made = Object.assign(document.createElement("button"), { type: "button", value: name });
  made.textContent = name in WORDS ? text(WORDS[name]) : (SIGNS[name] ?? name);
  if (SPOKEN.has(name)) made.setAttribute("aria-label", text(`key_${name}`));
  return made;
}
