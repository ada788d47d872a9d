// What the page says of the device's answers, by their tokens.
import { decimal, errorText, text, word } from "./language.js";

// Of these a visitor, who is shown no score, is told by the outcome alone: nothing says whether anybody of
// that name is enrolled. Any other reason is said to everybody.
const BY_SCORE = { alike: "match", unlike: "no_match", unsure: "ask_staff" };

export function ofDecision({ outcome, reason, score, threshold, unlike, missing = [], flaw, retry_after_s: wait }) {
  const parts = [];
  if (flaw) parts.push(sentence(word("Flaw", flaw)));
  else if (!Object.hasOwn(BY_SCORE, reason)) parts.push(sentence(word("Reason", reason)));
  else if (score === null) parts.push(text(BY_SCORE[reason]));
  if (score !== null) parts.push(text("score", { score: decimal(score), threshold: decimal(threshold) }));
  if (unlike.length) parts.push(text("unlike", { aspects: named(unlike) }));
  // A visitor can do nothing about a sensor, and the line is short.
  if (score !== null && missing.length) parts.push(text("missing", { aspects: named(missing) }));
  if (wait > 0) parts.push(text("next_try", { time: lasting(wait) }));
  return [text(outcome), parts.join(" ")];
}

const named = (aspects) => aspects.map((aspect) => word("Aspect", aspect)).join(", ");

// What to do, after the colon, is said for who signs; of a picture the line above the detail says it.
const TO_SIGNERS = new Set(["copy", "unlike"]);

export function ofAddition({ reason, remaining }, byPicture = false) {
  const said = word("AdditionReason", reason);
  const fitting = byPicture && TO_SIGNERS.has(reason) ? said.split(":")[0] : said;
  return `${text("that_was", { reason: fitting })} ${text("more", { count: remaining })}`;
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
  const users = others.map((match) => quoted(match.user_id, 20)).join(", ");
  const score = text("match_score", { score: decimal(first.score) });
  return [text("recognized", { user: quoted(first.user_id) }), users ? `${score} ${text("next", { users })}` : score];
}

export const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

// A name, kept from turning round what stands beside it. Of a long one the middle is left out, so that the
// sentence stays whole, and names that begin alike can be told apart.
export function quoted(user, most = 36) {
  const signs = [...user];
  if (signs.length <= most) return `\u2068${user}\u2069`;
  const half = (most - 1) / 2;
  return `\u2068${signs.slice(0, Math.ceil(half)).join("")}…${signs.slice(-Math.floor(half)).join("")}\u2069`;
}

const lasting = (seconds) => (seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
