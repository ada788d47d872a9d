// The page: one pad, three things to do with what is signed on it, and a list of people.
import { Failure, Offline, call, forgetSession, operating, presetUser, signIn, signOut } from "./api.js";
import { Live } from "./live.js";
import { Pad } from "./pad.js";

const $ = (id) => document.getElementById(id);
const pad = new Pad($("pad"));
const live = new Live(showEffort, () => attempt(greet));

const state = {
  view: "verify",
  info: { open: false, references: 5 },
  enrolment: null, // { name, user, remaining } of the one under way
  inks: new Map(), // user -> strokes signed at this page; the device keeps none
  busy: false,
  last: Promise.resolve(), // what is being asked of the device
  idle: null,
};

const VIEWS = {
  verify: { button: "Verify", first: "Enter your name and sign.", run: verify },
  enrol: { button: "Add", first: "Enter the name of who is to be enrolled, and let them sign.", run: enrol },
  identify: { button: "Identify", first: "Sign, and the device says who it is.", run: identify },
  people: {},
};
const IDLE_MS = 300_000; // an operator who walked away
const SHOWN_MS = 60_000; // a signature left on the sheet

const isOperator = () => state.info.open || operating();

// ------------------------------------------------------------------------------------------ what is shown
function say(text, { kind = "", detail = "" } = {}) {
  $("outcome").className = kind;
  $("said").textContent = text;
  $("detail").textContent = detail;
  $("meter").hidden = true;
}

function showScore({ score, threshold }) {
  $("meter").hidden = score === null || threshold === null;
  $("meter").firstElementChild.style.width = `${100 * score}%`;
  $("meter").lastElementChild.style.left = `calc(${100 * threshold}% - 1px)`;
}

const invitation = () => (state.enrolment ? "Please sign." : VIEWS[state.view].first);

function startOver() {
  pad.clear();
  say(invitation());
}

function showEffort({ complexity, flaw }) {
  if (pad.empty) return;
  $("effort").hidden = state.view !== "enrol";
  $("effort").classList.toggle("enough", !flaw);
  $("effort").firstElementChild.style.width = `${Math.min(100, 100 * complexity * 1.2)}%`;
}

function showView(view) {
  const user = $("user").value;
  abandon();
  state.view = view;
  for (const tab of document.querySelectorAll("#tabs button")) {
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  $("people").hidden = view !== "people";
  $("signing").hidden = view === "people";
  if (view === "people") return listPeople();
  $("who").hidden = view === "identify";
  $("user").required = view !== "identify";
  $("user").value = view === "verify" ? user || presetUser || "" : "";
  $("replacing").hidden = view !== "enrol";
  $("go").textContent = VIEWS[view].button;
  pad.clear();
  showSteps();
  say(VIEWS[view].first);
  return refresh();
}

function showOperator() {
  document.body.classList.toggle("operating", isOperator());
  $("operator").hidden = state.info.open;
  $("operator").textContent = operating() ? "Sign out" : "Operator";
  $("operator").setAttribute("aria-pressed", String(operating()));
}

function refresh() {
  const named = state.view === "identify" || $("user").value.trim() !== "";
  $("go").disabled = state.busy || pad.empty || pad.locked || !named;
  $("user").readOnly = state.enrolment !== null;
  $("pad").parentElement.classList.toggle("inked", !pad.empty);
  const strokes = pad.strokes.length;
  const ink = strokes ? `${strokes} stroke${strokes > 1 ? "s" : ""}` : "empty";
  $("pad").setAttribute("aria-label", `Signature pad, ${ink}`);
}

function showSteps() {
  const wanted = state.info.references;
  const done = state.enrolment ? wanted - state.enrolment.remaining : 0;
  $("steps").hidden = state.view !== "enrol";
  $("steps").replaceChildren(
    ...Array.from({ length: wanted }, (_, index) => {
      const step = document.createElement("li");
      step.className = index < done ? "done" : index === done ? "next" : "";
      step.textContent = index < done ? "✓" : "";
      return step;
    }),
  );
}

// ------------------------------------------------------------------------------------ what is asked of the device
// One thing after another, so that nothing that was pressed gets lost.
function attempt(action) {
  state.last = state.last.catch(() => {}).then(() => perform(action));
  return state.last;
}

async function perform(action) {
  state.busy = true;
  refresh();
  try {
    await action();
    online(true);
  } catch (error) {
    await report(error);
  } finally {
    state.busy = false;
    refresh();
  }
}

async function report(error) {
  if (error instanceof Offline) {
    online(false);
    say("The device does not answer.", { kind: "refer", detail: "Your signature was not sent. Try again in a moment." });
  } else if (error instanceof Failure) {
    online(true);
    if (error.http === 403 && operating()) await leave("You were signed out.");
    else if (error.http === 401) say("This page needs its token.", { kind: "refer", detail: sentence(error.message) });
    else say("That did not work.", { kind: "refer", detail: sentence(error.message) });
  } else {
    throw error;
  }
}

function online(there) {
  $("link").hidden = there;
}

async function verify() {
  const user = $("user").value.trim();
  const strokes = pad.groups();
  const decision = await call("POST", "/api/verify", { user, strokes });
  pad.locked = true;
  const words = { accept: "✓ Accepted", reject: "✗ Not accepted", refer: "? Somebody has to look at it" };
  say(words[decision.outcome], { kind: decision.outcome, detail: explain(decision) });
  showScore(decision);
  const ink = isOperator() && state.inks.get(user);
  $("legend").hidden = !ink;
  if (ink) pad.compare(ink);
}

function explain({ reason, score, threshold, unlike, retry_after_s: wait }) {
  const parts = [reason];
  if (score !== null) parts.push(`score ${score.toFixed(3)}, threshold ${threshold.toFixed(3)}`);
  if (unlike.length) parts.push(`unlike: ${unlike.join(", ")}`);
  if (wait > 0) parts.push(`next try in ${Math.ceil(wait)} s`);
  return sentence(parts.join("; "));
}

// The device's messages are parts of sentences.
function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

async function identify() {
  const { matches } = await call("POST", "/api/identify", { strokes: pad.groups() });
  pad.locked = true;
  if (!matches.length) return say("Nobody enrolled here.", { kind: "reject", detail: "No reference is near enough." });
  const others = matches.slice(1).map((match) => match.user);
  return say(matches[0].user, {
    kind: "accept",
    detail: `Score ${matches[0].score.toFixed(3)}${others.length ? `; then ${others.join(", ")}` : ""}.`,
  });
}

async function enrol() {
  if (!state.enrolment) await beginEnrolment();
  const strokes = pad.groups();
  const ink = pad.strokes;
  const path = `/api/enrolments/${state.enrolment.name}`;
  const addition = await call("POST", `${path}/signatures`, { strokes });
  state.enrolment.remaining = addition.remaining;
  if (addition.accepted) state.enrolment.ink = ink;
  showSteps();
  if (addition.remaining === 0) return commitEnrolment(path);
  pad.clear();
  const left = `${addition.remaining} more to go.`;
  if (addition.accepted) return say("Good. Please sign again.", { kind: "accept", detail: left });
  return say("Please sign again.", { kind: "refer", detail: sentence(`that was ${addition.reason}. ${left}`) });
}

async function beginEnrolment() {
  const user = $("user").value.trim();
  const { enrolment, remaining } = await call("POST", "/api/enrolments", { user, replace: $("replace").checked });
  state.enrolment = { name: enrolment, user, remaining, ink: null };
}

async function commitEnrolment(path) {
  const { user, references } = await call("POST", `${path}/commit`);
  state.inks.set(user, state.enrolment.ink);
  state.enrolment = null;
  $("user").value = "";
  $("replace").checked = false;
  showSteps();
  pad.clear();
  say(`✓ ${user} is enrolled.`, { kind: "accept", detail: `${references} signatures; they can verify now.` });
  await knowNames();
}

// Leave an enrolment that is not finished; the device drops its signatures.
function abandon() {
  if (state.enrolment) call("DELETE", `/api/enrolments/${state.enrolment.name}`).catch(() => {});
  state.enrolment = null;
}

async function knowNames() {
  const { users } = isOperator() ? await call("GET", "/api/users") : { users: [] };
  $("names").replaceChildren(...users.map((user) => Object.assign(document.createElement("option"), { value: user })));
  return users;
}

// -------------------------------------------------------------------------------------------------- people
function listPeople() {
  return attempt(async () => {
    const users = await knowNames();
    const wanted = $("filter").value.trim().toLowerCase();
    const shown = users.filter((user) => user.toLowerCase().includes(wanted));
    $("list").replaceChildren(...(shown.length ? shown.map(person) : [nobody(users.length)]));
    $("peopletitle").textContent = `People (${users.length})`;
  });
}

function person(user) {
  const item = document.createElement("li");
  const name = Object.assign(document.createElement("span"), { textContent: user });
  item.append(name, button("Unlock", user, () => unlock(user)), button("Forget", user, () => ask(user)));
  return item;
}

function nobody(enrolled) {
  const text = enrolled ? "No such name." : "Nobody is enrolled.";
  return Object.assign(document.createElement("li"), { className: "none", textContent: text });
}

function button(text, user, action) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.setAttribute("aria-label", `${text} ${user}`);
  made.addEventListener("click", action);
  return made;
}

function unlock(user) {
  const whom = user ? { user } : {};
  return attempt(async () => {
    await call("POST", "/api/unlock", whom);
    $("peoplesaid").textContent = `${user || "Everybody"} may try again.`;
  });
}

function ask(user) {
  $("asktitle").textContent = `Forget ${user}?`;
  $("askdetail").textContent = "Their references are deleted for good.";
  $("askbox").returnValue = "no";
  $("askbox").onclose = () => $("askbox").returnValue === "yes" && forget(user);
  $("askbox").showModal();
}

async function forget(user) {
  await attempt(async () => {
    await call("DELETE", `/api/users?user=${encodeURIComponent(user)}`);
    state.inks.delete(user);
    $("peoplesaid").textContent = `${user} is forgotten.`;
  });
  await listPeople();
}

// ------------------------------------------------------------------------------------------------ operator
async function leave(words) {
  abandon();
  state.inks.clear();
  $("names").replaceChildren();
  await signOut().catch(forgetSession);
  showOperator();
  showView("verify");
  say(words);
}

function openCode() {
  $("code").value = "";
  $("codesaid").textContent = "";
  $("codebox").showModal();
}

async function enterCode(event) {
  event.preventDefault();
  try {
    await signIn($("code").value);
    $("codebox").close();
    showOperator();
    await attempt(knowNames);
  } catch (error) {
    const wait = error.retryAfter ? ` (${Math.ceil(error.retryAfter)} s)` : "";
    $("codesaid").textContent = sentence(`${error.message}${wait}`);
    $("code").value = "";
  }
}

function makeKeys() {
  const keys = [..."123456789", "⌫", "0", "C"];
  for (const key of keys) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: key });
    if (key === "⌫") made.setAttribute("aria-label", "Delete the last");
    if (key === "C") made.setAttribute("aria-label", "Delete all");
    made.addEventListener("click", () => press(key));
    $("keys").append(made);
  }
}

function press(key) {
  const code = $("code").value;
  $("code").value = key === "C" ? "" : key === "⌫" ? code.slice(0, -1) : code + key;
}

// --------------------------------------------------------------------------------------------- the wiring
function stayAwake() {
  clearTimeout(state.idle);
  state.idle = setTimeout(() => {
    if (operating()) leave("Signed out after a while without use.");
    else startOver();
  }, operating() ? IDLE_MS : SHOWN_MS);
}

pad.addEventListener("begun", refresh);
pad.addEventListener("stroke", () => {
  live.stroke(pad.groups().at(-1).points);
  refresh();
});
pad.addEventListener("cleared", () => {
  live.clear();
  if ($("outcome").className) say(invitation());
  $("effort").hidden = $("legend").hidden = true;
  refresh();
});

$("tabs").addEventListener("click", (event) => event.target.dataset.view && showView(event.target.dataset.view));
$("user").addEventListener("input", refresh);
$("filter").addEventListener("input", listPeople);
$("unlockall").addEventListener("click", () => unlock(""));
$("clear").addEventListener("click", startOver);
$("signing").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("go").disabled) attempt(VIEWS[state.view].run);
});
$("operator").addEventListener("click", () => (operating() ? leave("Signed out.") : openCode()));
$("codeform").addEventListener("submit", enterCode);
$("codecancel").addEventListener("click", () => $("codebox").close());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) $("clear").click();
});
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, stayAwake);

// At the start, and whenever the device is back: it may have restarted, and know no operator any more.
async function greet() {
  state.info = await call("GET", "/api/info");
  if (operating() && !state.info.operator) await leave("You were signed out.");
  showOperator();
  await knowNames();
}

async function start() {
  makeKeys();
  showView("verify");
  navigator.serviceWorker?.register("worker.js").catch(() => {});
  await attempt(greet);
  document.body.dataset.ready = "yes";
}

showOperator();
start();
