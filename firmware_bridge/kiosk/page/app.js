// The page: one pad, three things to do with what is signed on it, and a list of people.
import { Failure, Offline, call, operating, presetUser, readAddress, signIn, signOut } from "./api.js";
import { Keyboard } from "./keyboard.js";
import { FIRST, offer, speak, text, word } from "./language.js";
import { Live } from "./live.js";
import { Pad } from "./pad.js";
import { rows } from "./people.js";
import { Picture } from "./picture.js";
import { sure } from "./question.js";
import { ofAddition, ofDecision, ofFailure, ofMatches, ofReceipt, quoted, sentence } from "./words.js";

const $ = (id) => document.getElementById(id);
const pad = new Pad($("pad"));
const picture = new Picture($("photo"));
const keyboard = new Keyboard();
const live = new Live(showEffort, () => attempt(greet));

const state = {
  view: "verify",
  kind: "pen", // or "image": how the signature comes
  turn: 0, // counts what was begun here; answers to what was left say nothing any more
  info: { open: false, references: 5, keyboard: true, modalities: ["pen"] },
  people: [], // names
  enrollment: null, // { name, user, remaining, ink } of the one under way
  inks: new Map(), // user -> strokes signed at this page; the device keeps none
  busy: false,
  said: () => "", // makes what is said, in whichever language
  last: Promise.resolve(), // what is being asked of the device
  idle: null,
};

const VIEWS = {
  verify: { button: "verify", run: verify, first: { pen: "first_verify", image: "first_verify_image" } },
  enroll: { button: "add", run: enroll, first: { pen: "first_enroll", image: "first_enroll_image" } },
  identify: { button: "identify", run: identify, first: { pen: "first_identify", image: "first_identify_image" } },
  people: {},
};
const IDLE_MS = 300_000; // an operator who walked away
const SHOWN_MS = 60_000; // what a visitor leaves behind
const SLOW_MS = 400; // longer than that, and people press again
const SCALES = [1, 0.9, 0.8]; // of the letters in which an answer is said, until all of it is seen

class Left extends Error {} // who asked went on to something else

const isOperator = () => state.info.open || operating();
const byPicture = () => state.kind === "image";
const sheet = () => (byPicture() ? picture : pad);
const asking = () => sheet().closed; // the device about what is on the sheet
const either = (pen, image) => text(byPicture() ? image : pen);

// What is sent of it.
const captured = () => (byPicture() ? { image: picture.base64() } : { strokes: pad.groups() });

// ------------------------------------------------------------------------------------------ what is shown
// Say what `make` returns: a line, or a line and its detail. It is called again in another language.
function say(make, kind = "") {
  state.said = make;
  if (state.view !== "people") {
    $("outcome").className = kind;
    $("meter").hidden = true;
  }
  showSaid();
}

function showSaid() {
  const [line, detail = ""] = [state.said()].flat();
  if (state.view === "people") {
    $("peoplesaid").textContent = `${line} ${detail}`.trim();
    return;
  }
  $("said").textContent = line;
  $("detail").textContent = detail;
  fit();
}

// Let all that is said be seen: the box has one size, so that the sheet has, too. What does not fit in the
// smallest letters is scrolled.
function fit() {
  const box = $("outcome");
  box.scrollTop = 0;
  for (const scale of SCALES) {
    box.style.setProperty("--scale", scale);
    if (box.scrollHeight <= box.clientHeight + 1) return;
  }
}

function name(element, key) {
  element.dataset.text = key;
  element.textContent = text(key);
}

function changeLanguage(code) {
  speak(code);
  $("language").value = code;
  keyboard.name();
  refresh();
  if (state.view === "people") showPeople();
  showSaid();
}

function showScore({ score, threshold }) {
  $("meter").hidden = score === null || threshold === null;
  $("meter").firstElementChild.style.width = `${100 * score}%`;
  $("meter").lastElementChild.style.left = `calc(${100 * threshold}% - 1px)`;
  fit();
}

function invitation() {
  if (state.info.signed_only && state.view !== "people") return sentence(word("Refusal", "signed_only"));
  if (state.enrollment) return either("please_sign", "please_show");
  const { first } = VIEWS[state.view]; // the list of people invites nobody
  return first ? text(first[state.kind], { count: state.info.references }) : "";
}

function startOver() {
  if (taking()) return;
  if (asking()) leaveAsked();
  sheet().clear();
  say(invitation);
}

// Whether an enrollment waits for an answer: the device counts what it has taken, so the page has to hear it.
const taking = () => asking() && state.view === "enroll";

// An answer that is on its way counts for nothing.
function leaveAsked() {
  state.turn += 1;
  pad.open();
  picture.open();
}

// What was answered, was answered of another name.
function rename() {
  if (asking() || sheet().locked) startOver();
  else if ($("outcome").className) say(invitation);
}

// The address was changed under the open page. With a token, all begins anew.
function changeAddress() {
  if (new URLSearchParams(location.hash.slice(1)).has("token")) return location.reload();
  const user = readAddress();
  if (user === null || state.view !== "verify") return;
  $("user").value = user;
  rename();
}

// Let the signature come another way: what was begun before is left.
function changeKind(kind) {
  abandon();
  leaveAsked();
  state.kind = kind;
  pad.clear();
  picture.clear();
  showKinds();
  refresh();
}

function showKinds() {
  const { modalities } = state.info;
  $("kinds").hidden = modalities.length < 2 || state.view === "people";
  $("who").hidden = state.view === "identify" && $("kinds").hidden;
  for (const button of document.querySelectorAll("#kinds button")) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === state.kind));
  }
  $("picture").hidden = !byPicture();
  $("pad").hidden = $("prompt").hidden = byPicture();
  $("pad").parentElement.classList.toggle("pictured", byPicture());
}

// Ask what the device takes from whoever is here now.
async function learn() {
  state.info = await call("GET", "/api/info");
  if (state.info.modalities.includes(state.kind)) showKinds();
  else changeKind(state.info.modalities[0]);
}

async function choose(input) {
  const [file] = input.files;
  input.value = ""; // the same file may be chosen again
  if (!file) return;
  if (await picture.load(file)) {
    say(() => [text("cut_out"), text("cut_out_detail")]);
    $("photo").focus();
  } else {
    say(() => [text("no_picture"), text("no_picture_detail")], "refer");
  }
}

function showEffort({ complexity, flaw }) {
  if (pad.empty || byPicture()) return;
  $("effort").hidden = state.view !== "enroll";
  $("effort").classList.toggle("enough", !flaw);
  $("effort").firstElementChild.style.width = `${Math.min(100, 100 * complexity * 1.2)}%`;
}

function showView(view) {
  const user = $("user").value;
  abandon();
  leaveAsked();
  state.view = view;
  for (const tab of document.querySelectorAll("#tabs button")) {
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  $("people").hidden = view !== "people";
  $("signing").hidden = view === "people";
  pad.clear();
  picture.clear();
  if (view === "people") {
    say(() => "");
    return listPeople();
  }
  for (const id of ["user", "userlabel"]) $(id).hidden = view === "identify";
  $("user").value = view === "verify" ? user || presetUser || "" : "";
  name($("go"), VIEWS[view].button);
  showKinds();
  showSteps();
  say(invitation);
  return refresh();
}

function showOperator() {
  document.body.classList.toggle("operating", isOperator());
  $("operator").hidden = state.info.open;
  name($("operator"), operating() ? "sign_out" : "operator");
}

function refresh() {
  $("go").disabled = state.busy || sheet().empty || sheet().locked;
  $("choose").hidden = !picture.empty;
  $("tools").hidden = picture.empty;
  $("turn").disabled = state.busy;
  $("whole").disabled = state.busy || picture.uncut;
  $("photo").tabIndex = picture.empty ? -1 : 0;
  $("photo").setAttribute("aria-label", picture.empty ? text("picture_none") : text("picture_part", picture.percent));
  $("user").readOnly = state.enrollment !== null || asking();
  $("clear").disabled = taking();
  $("pad").parentElement.classList.toggle("inked", !pad.empty);
  const strokes = pad.strokes.length;
  const ink = text(["empty", "stroke"][strokes] ?? "strokes", { count: strokes });
  $("pad").setAttribute("aria-label", text("pad", { ink }));
}

function showSteps() {
  const wanted = state.info.references;
  const done = state.enrollment ? wanted - state.enrollment.remaining : 0;
  $("steps").hidden = state.view !== "enroll";
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
    $("link").hidden = true;
  } catch (error) {
    if (!(error instanceof Left)) await report(error);
  } finally {
    state.busy = false;
    refresh();
  }
}

// What the button is for. The sheet keeps what is being asked.
function press() {
  const { turn } = state;
  if (state.view !== "identify" && $("user").value.trim() === "") return askName();
  sheet().close(); // at once, and again where something else came before
  refresh();
  return attempt(async () => {
    try {
      if (turn !== state.turn) return;
      sheet().close();
      await VIEWS[state.view].run();
    } finally {
      pad.open();
      picture.open();
    }
  });
}

function askName() {
  say(() => [text("whose"), text("name_first")], "refer");
  $("user").focus();
  if (!keyboard.typed) keyboard.show($("user"), "text");
}

// Ask, and say so where it takes long.
function ask(method, path, body, undo) {
  const { turn } = state;
  const slow = setTimeout(() => turn === state.turn && say(() => text("one_moment")), SLOW_MS);
  const asked = call(method, path, body).finally(() => clearTimeout(slow));
  return stayed(asked, undo);
}

// An answer, where whoever asked is still here; otherwise it is undone, and not said.
async function stayed(asked, undo = () => {}) {
  const { turn } = state;
  const answer = await asked.catch((error) => {
    throw turn === state.turn ? error : new Left();
  });
  if (turn === state.turn) return answer;
  undo(answer);
  throw new Left();
}

async function report(error) {
  if (error instanceof Offline) {
    $("link").hidden = false;
    const detail = sheet().empty ? "goes_on" : "not_sent";
    say(() => [text("device_away"), text(detail)], "refer");
  } else if (error instanceof Failure) {
    $("link").hidden = true;
    const { reason } = error;
    if (reason === "operators_only" && operating()) await leave("were_signed_out");
    else if (reason === "no_token") say(() => [text("needs_token"), sentence(word("Refusal", reason))], "refer");
    else say(() => ofFailure(error, byPicture()), "refer");
  } else {
    throw error;
  }
}

async function verify() {
  const user = $("user").value.trim();
  const decision = await ask("POST", "/api/verify", { user_id: user, ...captured() });
  sheet().locked = true;
  say(() => ofDecision(decision, byPicture()), decision.outcome);
  showScore(decision);
  const ink = isOperator() && !byPicture() && state.inks.get(user);
  $("legend").hidden = !ink;
  if (ink) pad.compare(ink);
}

async function identify() {
  const { matches, flaw } = await ask("POST", "/api/identify", captured());
  sheet().locked = true;
  say(() => ofMatches(matches, flaw), matches.length ? "accept" : "reject");
}

async function enroll() {
  if (!state.enrollment && !(await beginEnrollment())) return;
  try {
    await goOn(`/api/enrollments/${state.enrollment.name}`);
  } catch (error) {
    if (error instanceof Failure && error.http < 500) abandon(); // it is over, or cannot be finished
    throw error;
  }
}

// Return whether there is one now.
async function beginEnrollment() {
  const user = $("user").value.trim();
  const begun = await begin(user, false).catch((error) => {
    if (error.name !== "AlreadyEnrolled") throw error;
    return replaceOld(user);
  });
  if (begun) state.enrollment = { name: begun.enrollment, user, remaining: begun.remaining, ink: null };
  return Boolean(begun);
}

const begin = (user, replace) =>
  ask("POST", "/api/enrollments", { user_id: user, replace, modality: state.kind }, ({ enrollment }) => drop(enrollment));

async function replaceOld(user) {
  const detail = text("replace_detail", { count: state.info.references });
  const question = text("already_enrolled", { user: quoted(user) });
  if (await sure(question, detail, text("replace"))) return begin(user, true);
  say(invitation);
  return null;
}

async function goOn(path) {
  if (state.enrollment.remaining > 0 && !(await addSignature(path))) return;
  const { user, ink } = state.enrollment;
  const receipt = await ask("POST", `${path}/commit`);
  if (ink) state.inks.set(user, ink);
  state.enrollment = null;
  $("user").value = "";
  showSteps();
  sheet().clear();
  say(() => [text("enrolled", { user: quoted(user) }), ofReceipt(receipt)], "accept");
}

// Return whether it was the last.
async function addSignature(path) {
  const ink = byPicture() ? null : pad.strokes;
  const addition = await ask("POST", `${path}/signatures`, captured()).catch(forgive);
  if (!addition) return false;
  state.enrollment.remaining = addition.remaining;
  if (addition.accepted) state.enrollment.ink = ink;
  showSteps();
  if (addition.remaining === 0) return true;
  sheet().clear();
  if (addition.accepted) say(() => [either("taken", "taken_image"), text("more", { count: addition.remaining })], "accept");
  else say(() => [either("sign_again", "show_again"), ofAddition(addition, byPicture())], "refer");
  return false;
}

// A dot, or a picture without ink, is no signature, and no reason to begin anew.
async function forgive(error) {
  if (error.name !== "InvalidSignature" && !(byPicture() && error.http === 422)) throw error;
  sheet().clear();
  await report(error);
}

// Leave an enrollment that is not finished; the device drops its signatures.
function abandon() {
  const ended = state.enrollment && drop(state.enrollment.name);
  state.enrollment = null;
  showSteps();
  return ended;
}

const drop = (enrollment) => call("DELETE", `/api/enrollments/${enrollment}`).catch(() => {});

// -------------------------------------------------------------------------------------------------- people
function listPeople() {
  return attempt(async () => {
    state.people = (await stayed(call("GET", "/api/users"))).user_ids;
    showPeople();
  });
}

function showPeople() {
  $("list").replaceChildren(...rows(state.people, $("filter").value, { unlock, forget }));
  $("peopletitle").textContent = text("people_count", { count: state.people.length });
}

function unlock(user) {
  return attempt(async () => {
    await ask("POST", "/api/unlock", user ? { user_id: user } : {});
    say(() => (user ? text("unlocked", { user: quoted(user) }) : text("device_unlocked")));
  });
}

async function forget(user) {
  const question = text("forget_question", { user: quoted(user) });
  if (!(await sure(question, text("forget_detail"), text("forget")))) return;
  await attempt(async () => {
    await ask("DELETE", `/api/users?user_id=${encodeURIComponent(user)}`);
    state.inks.delete(user);
    say(() => text("forgotten", { user: quoted(user) }));
  });
  await listPeople();
  $("peopletitle").focus(); // the button is gone
}

// ------------------------------------------------------------------------------------------------ operator
// `reason` names the text that says why.
async function leave(reason) {
  const left = signOut(abandon()).catch(() => {});
  state.inks.clear();
  state.people = [];
  $("list").replaceChildren();
  tidy("verify");
  showOperator();
  say(() => text(reason));
  await left;
  await learn().catch(() => {}); // of a device that is away, when it is back
}

// As whoever comes next should find it.
function tidy(view) {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  keyboard.hide();
  $("user").value = $("filter").value = "";
  changeKind(state.info.modalities[0]);
  return showView(view);
}

function openCode() {
  $("code").value = "";
  $("codesaid").textContent = "";
  $("codebox").showModal();
  keyboard.show($("code"), "digits");
}

async function enterCode(event) {
  event.preventDefault();
  $("codego").disabled = true;
  try {
    await signIn($("code").value);
    $("codebox").close();
    await attempt(greet);
  } catch (error) {
    $("codesaid").textContent = ofFailure(error)[1];
    $("code").value = "";
    $("code").focus();
  } finally {
    $("codego").disabled = false;
  }
}

// --------------------------------------------------------------------------------------------- the wiring
function stayAwake() {
  clearTimeout(state.idle);
  state.idle = setTimeout(() => {
    if (operating()) leave("idle_signed_out");
    else tidy(state.view);
    changeLanguage(FIRST);
  }, isOperator() ? IDLE_MS : SHOWN_MS);
}

pad.addEventListener("begun", refresh);
pad.addEventListener("stroke", () => {
  live.stroke(pad.groups().at(-1));
  refresh();
});
pad.addEventListener("dropped", () => {
  live.restart(pad.groups());
  refresh();
});
pad.addEventListener("cleared", () => {
  live.clear();
  if ($("outcome").className) say(invitation);
  $("effort").hidden = $("legend").hidden = true;
  refresh();
});

picture.addEventListener("begun", refresh);
picture.addEventListener("changed", () => {
  if ($("outcome").className) say(() => [text("cut_out"), text("cut_out_detail")]);
  refresh();
});
picture.addEventListener("cleared", () => {
  if ($("outcome").className) say(invitation);
  refresh();
});

$("kinds").addEventListener("click", ({ target: { dataset } }) => {
  if (!dataset.kind) return;
  changeKind(dataset.kind);
  say(invitation);
});
for (const id of ["shoot", "file"]) $(id).addEventListener("change", ({ target }) => choose(target));
$("turn").addEventListener("click", () => picture.turn());
$("whole").addEventListener("click", () => picture.whole());
$("tabs").addEventListener("click", (event) => event.target.dataset.view && showView(event.target.dataset.view));
$("filter").addEventListener("input", showPeople);
$("unlockall").addEventListener("click", () => unlock(""));
$("clear").addEventListener("click", startOver);
$("user").addEventListener("input", rename);
$("signing").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("go").disabled) press();
});
$("operator").addEventListener("click", () => (operating() ? leave("you_signed_out") : openCode()));
$("codeform").addEventListener("submit", enterCode);
$("codecancel").addEventListener("click", () => $("codebox").close());
document.addEventListener("keydown", (event) => {
  const elsewhere = document.querySelector("dialog[open]") || event.target === $("language");
  if (event.key === "Escape" && !event.defaultPrevented && !elsewhere) startOver();
});
for (const kind of ["pointerdown", "keydown", "change"]) document.addEventListener(kind, stayAwake);
addEventListener("pagehide", abandon);
addEventListener("resize", fit);
addEventListener("hashchange", changeAddress);

// At the start, and whenever the device is back: it may have restarted, and know no operator any more.
async function greet() {
  const back = !$("link").hidden;
  await learn();
  live.restart(pad.groups());
  if (operating() && !state.info.operator) await leave("were_signed_out");
  else if (back) say(() => (sheet().empty ? invitation() : text("device_back")));
  showOperator();
}

async function start() {
  speak(FIRST);
  offer($("language"), changeLanguage);
  showView("verify");
  navigator.serviceWorker?.register("worker.js").catch(() => {});
  await attempt(greet);
  if (state.info.keyboard) {
    keyboard.serve($("user"), "text");
    keyboard.serve($("filter"), "text");
    keyboard.serve($("code"), "digits");
  }
  document.body.dataset.ready = "yes";
}

showOperator();
start();
