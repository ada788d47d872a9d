// What the page says of the device's answers, by their tokens.
import { decimal, errorText, text, word } from "./language.js";

// Of these a visitor, who is shown no score, is told by the outcome alone: nothing says whether anybody of
// that name is enrolled. Any other reason is said to everybody.
const BY_SCORE = { alike: "match", unlike: "no_match", unsure: "ask_staff" };

const BY_SCORE_OF_A_PICTURE = { ...BY_SCORE, unlike: "no_match_image" };

// What to do, after the colon, is said for who signs; who shows a picture is told otherwise.
const TO_SIGNERS = new Set(["copy", "unlike", "replay", "poor"]);

export function ofDecision(decision, byPicture = false) {
  const { outcome, reason, score, threshold, unlike, missing = [], flaw, retry_after_s: wait } = decision;
  const [by, parts] = [byPicture ? BY_SCORE_OF_A_PICTURE : BY_SCORE, []];
  if (flaw) parts.push(sentence(word("Flaw", flaw)));
  else if (!Object.hasOwn(by, reason)) {
    parts.push(sentence(fitting(word("Reason", reason), reason, byPicture)));
    if (byPicture && TO_SIGNERS.has(reason)) parts.push(text("show_again"));
  } else if (score === null) parts.push(text(by[reason]));
  if (score !== null) parts.push(text("score", { score: decimal(score), threshold: decimal(threshold) }));
  if (unlike.length) parts.push(text("unlike", { aspects: named(unlike) }));
  // A visitor can do nothing about a sensor, and the line is short.
  if (score !== null && missing.length) parts.push(text("missing", { aspects: named(missing) }));
  if (wait > 0) parts.push(text("next_try", { time: lasting(wait) }));
  return [text(outcome), parts.join(" ")];
}

const named = (aspects) => aspects.map((aspect) => word("Aspect", aspect)).join(", ");

const fitting = (said, reason, byPicture) => (byPicture && TO_SIGNERS.has(reason) ? said.split(":")[0] : said);

// That another picture is wanted, the line above says.
export function ofAddition({ reason, remaining }, byPicture = false) {
  const said = fitting(word("AdditionReason", reason), reason, byPicture);
  return `${text("that_was", { reason: said })} ${text("more", { count: remaining })}`;
}

export const ofReceipt = ({ references, cautions }) =>
  [text("enrolled_detail", { count: references }), ...cautions.map((caution) => sentence(word("Caution", caution)))].join(" ");

// Of a picture, what the device takes for no signature is told otherwise.
const NO_PICTURE = new Set(["InvalidSignature", "FormatError", "UnknownFormat"]);

export function ofFailure({ name, reason, retryAfter }, byPicture = false) {
  if (byPicture && NO_PICTURE.has(name)) return [text("show_again"), text("no_ink")];
  if (reason) {
    const said = word("Refusal", reason);
    return [text("not_worked"), sentence(retryAfter ? `${said} (${lasting(retryAfter)})` : said)];
  }
  return errorText(name) ?? [text("device_failed"), text("ask_staff")];
}

export function ofMatches([first, ...others], flaw) {
  if (flaw) return [text("not_recognized"), sentence(word("Flaw", flaw))];
  if (!first) return [text("not_recognized"), text("nobody_like_this")];
  const users = shortened(others.map((match) => match.user_id), 20).map(quoted).join(", ");
  const score = text("match_score", { score: decimal(first.score) });
  return [text("recognized", { user: quoted(first.user_id) }), users ? `${score} ${text("next", { users })}` : score];
}

export const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

// A name, whole, as another may differ from it anywhere; kept from turning round what stands beside it.
export const quoted = (user) => `\u2068${user}\u2069`;

// Names in little room, no two of them alike: of a long one the middle is left out; where several would look
// the same, what is shown is where they begin to differ; and where even that is the same, all.
function shortened(users, most) {
  const signs = users.map((user) => [...user]);
  const part = (its, start, end) => its.slice(Math.max(0, start), end).join("");
  const half = Math.floor(most / 2);
  const ends = signs.map((its) =>
    its.length <= most ? its.join("") : `${part(its, 0, half)}…${part(its, its.length + 1 - half)}`,
  );
  const alike = signs.filter((_, index) => isTwice(ends, index));
  let start = 0;
  while (start < alike[0]?.length && alike.every((its) => its[start] === alike[0][start])) start += 1;
  const inner = signs.map((its) => `${part(its, 0, 4)}…${part(its, start - 3, start - 6 + half * 2)}…`);
  return users.map((user, index) => {
    if (!isTwice(ends, index)) return ends[index];
    return isTwice(inner, index) ? user : inner[index];
  });
}

const isTwice = (all, index) => all.indexOf(all[index]) !== all.lastIndexOf(all[index]);

const lasting = (seconds) => (seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
