// What the page says of the device's answers. Those are parts of sentences, written for programmers.

const OUTCOMES = { accept: "✓ Accepted", reject: "✗ Not accepted", refer: "? A person has to look at it" };

// For who is shown no score: nothing here says whether anybody of that name is enrolled.
const PLAIN = {
  accept: "Signature and name belong together.",
  reject: "Signature and name do not match. Check the name, and sign as you usually do.",
  refer: "Please ask a member of staff.",
};

const FAILURES = {
  AlreadyEnrolled: ["Nothing was stored.", "Somebody else enrolled that name meanwhile."],
  UnknownUser: ["Nobody of that name is enrolled.", "Check the name, or enroll them first."],
  InvalidSignature: ["Please sign again.", "That was no whole signature."],
};

export function ofDecision({ outcome, reason, score, threshold, unlike, retry_after_s: wait }) {
  const parts = [];
  if (!reason.startsWith("the score")) parts.push(sentence(reason));
  else if (score === null) parts.push(PLAIN[outcome]);
  if (score !== null) parts.push(`Score ${score.toFixed(3)}, threshold ${threshold.toFixed(3)}.`);
  if (unlike.length) parts.push(`Unlike: ${unlike.join(", ")}.`);
  if (wait > 0) parts.push(`Next try in ${lasting(wait)}.`);
  return [OUTCOMES[outcome], parts.join(" ")];
}

export function ofFailure({ name, message, retryAfter }) {
  return FAILURES[name] ?? ["That did not work.", sentence(retryAfter ? `${message} (${lasting(retryAfter)})` : message)];
}

export function ofMatches([first, ...others]) {
  if (!first) return ["✗ Not recognized", "Nobody who is enrolled signs like this."];
  const next = others.map(({ user_id }) => quoted(user_id)).join(", ");
  return [`✓ ${quoted(first.user_id)}`, `Score ${first.score.toFixed(3)}.${next ? ` Next: ${next}.` : ""}`];
}

export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;

// A name, kept from turning round what stands beside it.
export const quoted = (user) => `\u2068${user}\u2069`;

const lasting = (seconds) => (seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`);
