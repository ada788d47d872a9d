// Made by `python -m firmware_bridge.node_client.declare`; what each method does stands in sigverify.js.

/** One sample: CSS pixels, milliseconds of one clock; pressure of all points or of none. */
export type Point = {
  x: number;
  y: number;
  time: number;
  pressure?: number;
};

/** One entry a stroke, as signature_pad's toData() gives them. */
export type Strokes = Array<{
  points: Array<Point>;
}>;

export type Decision = {
  outcome: "accept" | "reject" | "refer";
  /** The one answer; the rest says why. */
  accepted: boolean;
  reason: "alike" | "unlike" | "unsure" | "replay" | "locked" | "poor" | "blocked";
  /** 0 to 1; null where the policy hides it. */
  score: number | null;
  threshold: number | null;
  confidence: number | null;
  unlike: Array<"shape" | "speed" | "pressure" | "duration" | "proportion">;
  missing: Array<"shape" | "speed" | "pressure" | "duration" | "proportion">;
  flaw: "too_short" | "too_simple" | "bad_capture" | "in_seconds" | "in_microseconds" | "in_nanoseconds" | "no_time" | "no_ink" | "too_small" | "several" | "no_strokes" | "cut_off" | "blurred" | null;
  /** Seconds to wait before the next try; 0: none. */
  retry_after_s: number;
  latency_ms: number | null;
  /** Of strokes and a picture together, the score of each kind that counts. */
  scores?: Record<string, number>;
  /** Kinds that were shown and do not count: too poor, or nobody enrolled by them. */
  left_out?: Array<"pen" | "image">;
};

export type Addition = {
  accepted: boolean;
  reason: "taken" | "too_short" | "too_simple" | "bad_capture" | "copy" | "unlike" | "in_seconds" | "in_microseconds" | "in_nanoseconds" | "no_time" | "no_ink" | "too_small" | "several" | "no_strokes" | "cut_off" | "blurred";
  remaining: number;
  duration_ms: number;
  complexity: number;
  flaw: "too_short" | "too_simple" | "bad_capture" | "in_seconds" | "in_microseconds" | "in_nanoseconds" | "no_time" | "no_ink" | "too_small" | "several" | "no_strokes" | "cut_off" | "blurred" | null;
  repairs: Array<"coarse_clock" | "clock_jumped" | "counter_wrapped" | "stamps_restart" | "mark_before" | "mark_after" | "mark_between" | "pen_rested" | "pressure_lost" | "stray_position" | "lifts_without_time" | "hover_unsaid">;
};

export type EnrollmentReceipt = {
  user_id: string;
  references: number;
  template_bytes: number;
  model_id: string;
  /** Since 1970, in UTC. */
  created_ms: number;
  complexity: number;
  consistency: number;
  reasons: Array<"taken" | "too_short" | "too_simple" | "bad_capture" | "copy" | "unlike" | "in_seconds" | "in_microseconds" | "in_nanoseconds" | "no_time" | "no_ink" | "too_small" | "several" | "no_strokes" | "cut_off" | "blurred">;
  latency_ms: number;
  /** Share of strangers expected to match by the threshold of all people; null: not known. */
  strangers: number | null;
  /** What somebody should know of it. */
  cautions: Array<"many_strangers" | "no_cohort">;
};

export type Info = {
  version: string;
  model: string;
  /** Whether the caller is an operator. */
  operator: boolean;
  /** Whether everybody is. */
  open: boolean;
  /** What the caller is allowed. */
  may: Array<"verify" | "identify" | "compare" | "enroll" | "replace" | "users" | "forget" | "unlock" | "images">;
  /** Signatures of one enrollment. */
  references: number;
  /** Whether the page shows keys of its own. */
  keyboard: boolean;
  /** Strokes, pictures: what is taken. */
  modalities: Array<"pen" | "image">;
  /** Whether captures are taken from a pen that signs alone: none here. */
  signed_only: boolean;
};

export type Matches = {
  matches: Array<{
    user_id: string;
    score: number | null;
  }>;
  /** What makes the capture too poor to be compared: then nobody is named. */
  flaw: "too_short" | "too_simple" | "bad_capture" | "in_seconds" | "in_microseconds" | "in_nanoseconds" | "no_time" | "no_ink" | "too_small" | "several" | "no_strokes" | "cut_off" | "blurred" | null;
};

export type Similarity = {
  kind: "pen" | "image";
  references: number;
  /** Whom the rates count. */
  impostor: "skilled" | "random";
  /** 0 to 1; null where a capture is too poor. */
  score: number | null;
  /** The false-match rate at which it would just be accepted. */
  rate: number | null;
  /** Whether it would be accepted, by how strict one is. */
  same_writer: {
    convenient: boolean;
    balanced: boolean;
    strict: boolean;
  };
  unlike: Array<"shape" | "speed" | "pressure" | "duration" | "proportion">;
  missing: Array<"shape" | "speed" | "pressure" | "duration" | "proportion">;
  /** Of the probe, then of each reference; null: fit to be compared. */
  flaws: Array<"too_short" | "too_simple" | "bad_capture" | "in_seconds" | "in_microseconds" | "in_nanoseconds" | "no_time" | "no_ink" | "too_small" | "several" | "no_strokes" | "cut_off" | "blurred" | null>;
  /** Whether the probe is a reference once more, which is never accepted. */
  copy: boolean;
  /** What so many references are worth. */
  note: "one" | "few" | "enough";
};

export type Error_ = {
  /** The error's class. */
  error: string;
  /** Its stable number; see sigverify/errors.py. */
  status: number;
  /** Of what the page itself refuses. */
  reason: "no_token" | "no_header" | "other_page" | "other_name" | "operators_only" | "not_allowed" | "wrong_code" | "too_many_codes" | "codes_blocked" | "too_many_questions" | "too_slow" | "too_much" | "no_code" | "no_enrollment" | "too_many_enrollments" | "signed_only" | "not_served" | null;
  /** Which one is lacking, where that is why. */
  capability: "verify" | "identify" | "compare" | "enroll" | "replace" | "users" | "forget" | "unlock" | "images" | null;
  /** In English, for the log; decide by the others. */
  message: string;
  retry_after_s: number;
};

/** What is asked about: strokes, the file of a picture, or both of one act of signing. */
export type Capture =
  | { strokes: Strokes; image?: undefined }
  | { strokes?: undefined; image: Uint8Array | ArrayBuffer | Blob }
  | { strokes: Strokes; image: Uint8Array | ArrayBuffer | Blob };

export const OPERATIONS: Readonly<Record<string, readonly [method: string, path: string]>>;

export class Refused extends Error {
  readonly status: number;
  readonly reason: Error_["reason"];
  readonly capability: Error_["capability"];
  readonly retryAfterS: number;
  readonly http: number;
}

export class Unreachable extends Error {}

export class Kiosk {
  constructor(url: string | URL, options?: { token?: string | null; timeoutMs?: number });
  health(): Promise<boolean>;
  info(): Promise<Info>;
  signIn(code: string): Promise<void>;
  signOut(): Promise<void>;
  verify(userId: string, capture: Capture): Promise<Decision>;
  identify(capture: Capture): Promise<Matches["matches"]>;
  similarity(probe: Capture, references: readonly Capture[]): Promise<Similarity>;
  enroll(
    userId: string,
    next: (remaining: number, refused: Addition | null) => Capture | Promise<Capture>,
    options?: { replace?: boolean; modality?: "pen" | "image" },
  ): Promise<EnrollmentReceipt>;
  users(): Promise<string[]>;
  forget(userId: string): Promise<Record<string, never>>;
  unlock(userId?: string | null): Promise<Record<string, never>>;
}
