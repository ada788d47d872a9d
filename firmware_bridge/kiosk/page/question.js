// A question before something that cannot be undone.

const [box, title, detail, yes] = ["askbox", "asktitle", "askdetail", "askyes"].map((id) => document.getElementById(id));

// Return, when it is answered, whether by that verb.
export function sure(question, consequence, verb) {
  box.onclose?.(); // of the question before, if the browser has not told it yet
  title.textContent = question;
  detail.textContent = consequence;
  yes.textContent = verb;
  box.returnValue = "no";
  box.showModal();
  return new Promise((resolve) => {
    box.onclose = () => box.open || resolve(box.returnValue === "yes");
  });
}
