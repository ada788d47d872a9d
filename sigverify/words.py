"""`sentence`: what a token says to a person, in their language.

Interfaces speak in tokens (`unlike`, `too_short`), which programs compare and which never change. They are
turned into words only here, so a language is added by one more table; a test holds every table to every
token. Words are parts of a sentence, without a full stop: "rejected: the score is below the threshold".
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sigverify.errors import ConfigError

Table = Mapping[str, Mapping[str, str]]
"""From the name of an enum's class, or `PHRASES`, to the words of each of its tokens."""

PHRASES: Final = "phrases"
"""The part of a table that holds what is put around tokens; a name in braces is filled in."""
DEFAULT: Final = "en"

ENGLISH: Final[Table] = {
    "Outcome": {
        "accept": "accepted",
        "reject": "rejected",
        "refer": "referred to a person",
    },
    "Reason": {
        "alike": "the score reaches the threshold",
        "unlike": "the score is below the threshold",
        "unsure": "the score lies just below the threshold: a person should look at it",
        "replay": "a copy of a signature seen before, and nobody signs twice the same: sign anew",
        "locked": "too many failed tries: wait and try again",
        "poor": "too little signature in this capture: sign again",
        "blocked": "too many failed tries in a row: a member of staff has to unlock this name",
    },
    "Unsigned": {
        "no_signature": "no enrollment station signed this template",
        "unknown_station": "an enrollment station that is not known signed this template",
        "station_revoked": "the enrollment station that signed this template was revoked",
        "other_template": "the signature of the enrollment station is not of this template",
    },
    "Distrust": {
        "unsigned": "the capture is not signed by a pen, and only those are taken here",
        "unknown_device": "the capture is signed by a pen that is not known here",
        "revoked": "the capture is signed by a pen whose key was revoked",
        "wrong_signature": "the capture was altered, or is not signed with the key of that pen",
        "other_purpose": "the capture was signed for something else: to be enrolled, or to be decided about",
        "stale": "the capture answers no challenge of just now: sign anew",
        "counted_before": "the capture has a number that the pen used before: sign anew",
    },
    "AdditionReason": {
        "taken": "taken",
        "too_short": "too short: sign your whole name",
        "too_simple": "too simple: anybody could draw it",
        "bad_capture": "a bad capture: samples are missing",
        "copy": "a copy of an earlier one: sign anew",
        "unlike": "too unlike the others: sign as you usually do",
        "in_seconds": "a capture whose stamps look like seconds: name the unit (time_unit, column)",
        "in_microseconds": "a capture whose stamps look like microseconds: name the unit (time_unit, column)",
        "in_nanoseconds": "a capture whose stamps look like nanoseconds: name the unit (time_unit, column)",
        "no_time": "a capture without time: its stamps are all the same, or an index",
        "no_ink": "a picture without ink, or with hardly any",
        "too_small": "a picture too small: scan it finer, or hold the camera nearer",
        "several": "a picture of several signatures, or of print or a stamp beside: cut out the signature",
        "no_strokes": "no picture of handwriting",
        "cut_off": "cut off at the edge of its picture: show all of it",
        "blurred": "a blurred picture: take it anew",
    },
    "Caution": {
        "many_strangers": "more strangers match these references than the rate asks for: sign more alike, "
        "give more references, or ask for a rate of skilled forgeries",
        "no_cohort": "this model has no cohort: nothing limits how many strangers match a single person",
    },
    "Flaw": {
        "too_short": "too short",
        "too_simple": "too simple",
        "bad_capture": "a bad capture: too few samples a second, or too much of it lost",
        "in_seconds": "its stamps look like seconds: name the unit (time_unit, column)",
        "in_microseconds": "its stamps look like microseconds: name the unit (time_unit, column)",
        "in_nanoseconds": "its stamps look like nanoseconds: name the unit (time_unit, column)",
        "no_time": "no time in this capture: its stamps are all the same, or an index",
        "no_ink": "no ink in this picture, or hardly any",
        "too_small": "too few pixels: scan it finer, or hold the camera nearer",
        "several": "several signatures, or print or a stamp beside one: cut out the signature",
        "no_strokes": "no handwriting in this picture",
        "cut_off": "cut off at the edge of the picture",
        "blurred": "blurred",
    },
    "Repair": {
        "coarse_clock": "a clock coarser than the pen: samples share its ticks",
        "clock_jumped": "a clock that jumped: the jump was left out",
        "counter_wrapped": "a counter that wrapped: it goes on",
        "stamps_restart": "stamps that begin anew with each stroke: lifts are assumed",
        "mark_before": "a mark before the name: left out",
        "mark_after": "a mark after the name: left out",
        "mark_between": "a mark far from the name: left out",
        "pen_rested": "a pen that rested on the pad: the rest was left out",
        "pressure_lost": "pressure that is constant, cut off or gone for a part: not used",
        "stray_position": "samples in a place where the pen never was: left out",
        "lifts_without_time": "stamps that leave no time between strokes: lifts are assumed",
        "hover_unsaid": "no pen_down, and samples without pressure: the pen hovered there",
    },
    "Aspect": {
        "shape": "shape",
        "speed": "speed",
        "pressure": "pressure",
        "duration": "duration",
        "proportion": "proportion",
    },
    "Worth": {
        "one": "one reference does not show how much these signatures vary: so more genuine ones are refused "
        "than with five",
        "few": "few references show little of how much these signatures vary: five show more",
        "enough": "enough references to show how much these signatures vary",
    },
    "Event": {
        "enrolled": "enrolled",
        "replaced": "enrolled anew",
        "forgotten": "forgotten",
        "joined": "joined a group",
        "left": "left a group",
        "accepted": "accepted",
        "rejected": "rejected",
        "referred": "referred to a person",
        "replayed": "rejected as a copy",
        "unknown_user": "unknown user",
        "locked_out": "locked out",
        "blocked": "blocked until an operator unlocks",
        "unlocked": "unlocked",
        "identified": "identified",
        "not_identified": "identified nobody",
        "compared": "two signatures compared",
        "listed": "enrolled people listed",
        "enrollment_refused": "enrollment refused",
        "signed_in": "operator signed in",
        "signed_out": "operator signed out",
        "wrong_code": "wrong operator's code",
        "capture_refused": "capture refused, not signed as it has to be",
        "token_refused": "refused without the token",
        "not_allowed": "refused what is not allowed",
        "adapted": "reference renewed",
        "adaptation_undone": "renewals undone",
        "rekeyed": "rekeyed",
        "backed_up": "backed up",
        "restored": "restored",
        "repaired": "store repaired",
        "state_accepted": "rows taken as they are",
        "exported": "exported",
        "imported": "imported",
        "template_refused": "template refused, signed by no trusted station",
        "template_signed": "template signed by a station",
        "kiosk_admitted": "kiosk admitted",
        "kiosk_revoked": "kiosk revoked",
        "model_trusted": "model trusted",
        "model_refused": "model refused",
    },
    "NoteKind": {
        "encoding": "decoded from {names}",
        "unwrapped": "unpacked from a JSON string",
        "ignored": "ignored: {names}",
        "time_converted": "converted to milliseconds: {names}",
        "stamps": "ISO 8601 stamps turned into milliseconds: {names}",
        "decimal_comma": "decimal commas read as points",
        "negative_pressure": "negative pressure read as hover, samples: {names}",
        "pressure_interpolated": "missing pressure interpolated, samples: {names}",
        "pressure_dropped": "pressure left out, as too much of it is missing, samples: {names}",
        "deviation": "not as its standard has it, read all the same: {names}",
        "linear_removed": "a line was taken out of these values, and is lost: {names}",
        "time_assumed": "time without a unit read as milliseconds: {names}",
        "twos_complement": "values below 0 read as two's complement",
        "more_recordings": "more recordings in the file, not read: {names}",
        "repeated": "a point that the pad repeats at the end left out, strokes: {names}",
        "lifts_untimed": "how long the pen was up is not in the file",
        "lifts_unknown": "where the pen was up is not in the file",
        "rate_assumed": "without time stamps, read as sampled evenly, samples a second: {names}",
    },
    "LogFlaw": {
        "altered": "does not continue the one before it: altered, moved or put in",
        "missing": "is missing",
        "unreadable": "cannot be read",
        "cut_off": "is missing at the end: the log was cut off",
        "beyond_head": "is beyond the head: the head was put back or removed",
        "head": "is not the one the head names",
        "anchor": "is not the one of the anchor: the log is another, or an older copy",
        "state": "tells of other rows than are there: somebody without the key removed or put back some",
    },
    "Refusal": {
        "no_token": "no token, or a wrong one",
        "no_header": "a request without the header that every request carries",
        "other_page": "a request of another page",
        "other_name": "asked for by a name that is not this machine's",
        "operators_only": "this is for operators",
        "not_allowed": "this is not among what you may do",
        "wrong_code": "this is not the operator's code",
        "too_many_codes": "too many wrong codes: wait and try again",
        "codes_blocked": "too many wrong codes in a row: `sigverify unlock` on the device ends this",
        "too_many_questions": "too many questions: wait and try again",
        "too_slow": "the request came too slowly",
        "too_much": "more at once than the device takes: wait and try again",
        "no_code": "everybody is an operator here",
        "no_enrollment": "no such enrollment is under way: begin again",
        "too_many_enrollments": "too many enrollments under way: finish or cancel one of them",
        "signed_only": "signatures are taken here from the device's own pen only, not from a browser",
        "not_served": "this is not served here",
    },
    "Damage": {
        "structure": "the database's own pages are damaged",
        "unlisted": "cannot be listed to the end",
        "unreadable": "does not open",
        "no_template": "vectors without a template",
        "no_vectors": "a template without vectors",
        "other_vectors": "vectors of another enrollment",
        "missing": "entries are missing",
        "untrusted": "no enrollment station that is trusted signed it",
        "tampered": "somebody without the key removed rows, or put some back",
        "older": "the whole store is an older copy, or its counter is",
        "removed": "gone, and nobody with the key removed it",
        "put_back": "put back by somebody without the key; nothing reads it",
        "superseded": "an older row put back in place of the newest, by somebody without the key",
        "remains": "a row that was deleted or replaced is not overwritten yet",
    },
    "Erasure": {
        "done": "overwritten, in the file and in its log",
        "pending": "not overwritten yet: somebody has been reading for long; "
        "the next change after they end overwrites it",
        "server": "kept by the server until its VACUUM, and in its log and backups: sealed, but for "
        "vectors in clear",
    },
    "Fault": {
        "too_long": "longer than a frame may be",
        "stuffing": "not encoded by COBS",
        "checksum": "the checksum differs",
    },
    PHRASES: {
        "score": "score {score}, threshold {threshold}",
        "just_accepted": "would just be accepted at a false-match rate of {rate} %",
        "accepted_still": "would still be accepted at a false-match rate of {rate} %, the lowest known",
        "unlike": "unlike: {aspects}",
        "missing": "not compared: {aspects}",
        "left_out": "not counted: {kinds}",
        "pen": "strokes",
        "image": "picture",
        "next_try": "next try in {seconds} s",
        "trying_out": "only trying out? show another recording, or use {option}",
        "entry": "entry {number}",
        "more": "and {count} more",
        "most_alike": "Most alike",
        "nobody": "Nobody.",
        "nobody_enrolled": "Nobody is enrolled.",
        "nobody_by_kind": "Nobody is enrolled by {kind}: people are by {others}.",
        "enrolled_in": "Enrolled in {store}",
        "none": "none",
        "reference": "reference {number}: {reason}",
        "user_id": "user",
        "references": "references",
        "template_bytes": "bytes stored",
        "model_id": "model",
        "complexity": "complexity",
        "consistency": "consistency",
        "flaws": "flaws",
        "warning": "warning",
        "mixed_scripts": "the user id mixes letters that may look alike ({scripts}): is it the right one?",
        "repairs": "mended",
        "latency_ms": "milliseconds",
    },
}

GERMAN: Final[Table] = {
    "Outcome": {
        "accept": "angenommen",
        "reject": "abgelehnt",
        "refer": "an eine Person verwiesen",
    },
    "Reason": {
        "alike": "der Wert erreicht die Schwelle",
        "unlike": "der Wert liegt unter der Schwelle",
        "unsure": "der Wert liegt knapp unter der Schwelle: eine Person sollte die Unterschrift ansehen",
        "replay": "eine Kopie, denn niemand unterschreibt zweimal gleich: bitte unterschreiben Sie neu",
        "locked": "zu viele Fehlversuche: bitte warten Sie",
        "poor": "zu wenig Unterschrift: bitte unterschreiben Sie noch einmal",
        "blocked": "zu viele Fehlversuche nacheinander: das Personal muss diesen Namen entsperren",
    },
    "Unsigned": {
        "no_signature": "keine Erfassungsstelle hat diese Vorlage unterzeichnet",
        "unknown_station": "eine unbekannte Erfassungsstelle hat diese Vorlage unterzeichnet",
        "station_revoked": "die Erfassungsstelle, die diese Vorlage unterzeichnet hat, wurde widerrufen",
        "other_template": "die Unterschrift der Erfassungsstelle gehört nicht zu dieser Vorlage",
    },
    "Distrust": {
        "unsigned": "die Aufnahme ist von keinem Stift unterzeichnet, und nur solche werden hier genommen",
        "unknown_device": "die Aufnahme ist von einem Stift unterzeichnet, der hier nicht bekannt ist",
        "revoked": "die Aufnahme ist von einem Stift unterzeichnet, dessen Schlüssel widerrufen ist",
        "wrong_signature": "die Aufnahme wurde verändert oder nicht mit dem Schlüssel des Stifts signiert",
        "other_purpose": "die Aufnahme wurde für etwas anderes unterzeichnet: zum Erfassen oder zum Prüfen",
        "stale": "die Aufnahme antwortet auf keine Frage von eben: neu unterschreiben",
        "counted_before": "die Aufnahme hat eine Nummer, die der Stift schon hatte: neu unterschreiben",
    },
    "AdditionReason": {
        "taken": "übernommen",
        "too_short": "zu kurz: bitte unterschreiben Sie mit Ihrem ganzen Namen",
        "too_simple": "zu einfach: das könnte jeder zeichnen",
        "bad_capture": "eine schlechte Aufnahme: es fehlen Messpunkte",
        "copy": "eine Kopie einer früheren: bitte unterschreiben Sie neu",
        "unlike": "den anderen zu unähnlich: bitte unterschreiben Sie so wie gewöhnlich",
        "in_seconds": "Zeiten, die Sekunden zu sein scheinen: Einheit angeben (time_unit, Spalte)",
        "in_microseconds": "Zeiten, die Mikrosekunden zu sein scheinen: Einheit angeben (time_unit, Spalte)",
        "in_nanoseconds": "Zeiten, die Nanosekunden zu sein scheinen: Einheit angeben (time_unit, Spalte)",
        "no_time": "eine Aufnahme ohne Zeit: die Zeiten sind alle gleich oder nur gezählt",
        "no_ink": "ein Bild ohne Tinte oder mit kaum welcher",
        "too_small": "ein zu kleines Bild: bitte feiner scannen oder näher herangehen",
        "several": "ein Bild mehrerer Unterschriften: bitte eine davon ausschneiden",
        "no_strokes": "kein Bild von Handschrift",
        "cut_off": "am Bildrand abgeschnitten: bitte ganz zeigen",
        "blurred": "ein unscharfes Bild: bitte neu aufnehmen",
    },
    "Caution": {
        "many_strangers": "mehr Fremde passen zu diesen Referenzen, als die Rate erlaubt: gleichmäßiger "
        "unterschreiben, mehr Referenzen geben, oder eine Rate für geübte Fälschungen verlangen",
        "no_cohort": "dieses Modell hat keine Kohorte: nichts begrenzt, wie viele Fremde zu jemandem passen",
    },
    "Flaw": {
        "too_short": "zu kurz",
        "too_simple": "zu einfach",
        "bad_capture": "eine schlechte Aufnahme: zu wenige Messpunkte je Sekunde, oder zu viele fehlen",
        "in_seconds": "die Zeiten scheinen Sekunden zu sein: Einheit angeben (time_unit, Spalte)",
        "in_microseconds": "die Zeiten scheinen Mikrosekunden zu sein: Einheit angeben (time_unit, Spalte)",
        "in_nanoseconds": "die Zeiten scheinen Nanosekunden zu sein: Einheit angeben (time_unit, Spalte)",
        "no_time": "keine Zeit in dieser Aufnahme: die Zeiten sind alle gleich oder nur gezählt",
        "no_ink": "keine Tinte in diesem Bild, oder kaum welche",
        "too_small": "zu wenige Pixel: bitte feiner scannen oder näher herangehen",
        "several": "mehrere Unterschriften, Druck oder Stempel daneben: nur die Unterschrift ausschneiden",
        "no_strokes": "keine Handschrift in diesem Bild",
        "cut_off": "am Bildrand abgeschnitten",
        "blurred": "unscharf",
    },
    "Repair": {
        "coarse_clock": "eine Uhr, gröber als der Stift: Messpunkte teilen sich ihre Takte",
        "clock_jumped": "eine Uhr, die sprang: der Sprung wurde weggelassen",
        "counter_wrapped": "ein Zähler, der überlief: er zählt weiter",
        "stamps_restart": "Zeiten, die mit jedem Zug neu beginnen: Pausen sind angenommen",
        "mark_before": "eine Berührung vor dem Namen: weggelassen",
        "mark_after": "eine Berührung nach dem Namen: weggelassen",
        "mark_between": "eine Berührung weit neben dem Namen: weggelassen",
        "pen_rested": "ein Stift, der auflag: das Ruhen wurde weggelassen",
        "pressure_lost": "Druck, der gleich bleibt, abgeschnitten ist oder teils fehlt: nicht verwendet",
        "stray_position": "Messpunkte, wo der Stift nie war: weggelassen",
        "lifts_without_time": "Zeiten, die zwischen Zügen keine Pause lassen: Pausen sind angenommen",
        "hover_unsaid": "kein pen_down, und Messpunkte ohne Druck: dort schwebte der Stift",
    },
    "Aspect": {
        "shape": "Form",
        "speed": "Tempo",
        "pressure": "Druck",
        "duration": "Dauer",
        "proportion": "Seitenverhältnis",
    },
    "Worth": {
        "one": "eine Referenz zeigt nicht, wie sehr diese Unterschriften schwanken: so werden mehr echte "
        "abgelehnt als mit fünf",
        "few": "wenige Referenzen zeigen kaum, wie sehr diese Unterschriften schwanken: fünf zeigen mehr",
        "enough": "genug Referenzen, um zu zeigen, wie sehr diese Unterschriften schwanken",
    },
    "Event": {
        "enrolled": "erfasst",
        "replaced": "neu erfasst",
        "forgotten": "gelöscht",
        "joined": "in eine Gruppe aufgenommen",
        "left": "aus einer Gruppe genommen",
        "accepted": "angenommen",
        "rejected": "abgelehnt",
        "referred": "an eine Person verwiesen",
        "replayed": "als Kopie abgelehnt",
        "unknown_user": "unbekannte Person",
        "locked_out": "gesperrt",
        "blocked": "gesperrt, bis das Personal entsperrt",
        "unlocked": "entsperrt",
        "identified": "erkannt",
        "not_identified": "niemanden erkannt",
        "compared": "zwei Unterschriften verglichen",
        "listed": "Erfasste aufgelistet",
        "enrollment_refused": "Erfassung abgelehnt",
        "signed_in": "Personal angemeldet",
        "signed_out": "Personal abgemeldet",
        "wrong_code": "falscher Code des Personals",
        "capture_refused": "Aufnahme abgewiesen, nicht wie verlangt unterzeichnet",
        "token_refused": "ohne das Token abgewiesen",
        "not_allowed": "Unerlaubtes abgewiesen",
        "adapted": "Referenz erneuert",
        "adaptation_undone": "Erneuerungen zurückgenommen",
        "rekeyed": "neu verschlüsselt",
        "backed_up": "gesichert",
        "restored": "wiederhergestellt",
        "repaired": "Speicher repariert",
        "state_accepted": "Zeilen genommen, wie sie sind",
        "exported": "ausgeführt",
        "imported": "eingeführt",
        "template_refused": "Vorlage abgewiesen, von keiner Erfassungsstelle unterzeichnet",
        "template_signed": "Vorlage von einer Erfassungsstelle unterzeichnet",
        "kiosk_admitted": "Kiosk zugelassen",
        "kiosk_revoked": "Kiosk gesperrt",
        "model_trusted": "Modell zugelassen",
        "model_refused": "Modell zurückgewiesen",
    },
    "NoteKind": {
        "encoding": "aus {names} umgewandelt",
        "unwrapped": "aus einer JSON-Zeichenkette ausgepackt",
        "ignored": "nicht beachtet: {names}",
        "time_converted": "in Millisekunden umgerechnet: {names}",
        "stamps": "Zeitangaben nach ISO 8601 in Millisekunden umgerechnet: {names}",
        "decimal_comma": "Dezimalkommas als Punkte gelesen",
        "negative_pressure": "negativer Druck als Schweben gelesen, Messpunkte: {names}",
        "pressure_interpolated": "fehlender Druck interpoliert, Messpunkte: {names}",
        "pressure_dropped": "Druck weggelassen, weil zu viel davon fehlt, Messpunkte: {names}",
        "deviation": "nicht, wie es der Standard vorsieht, trotzdem gelesen: {names}",
        "linear_removed": "aus diesen Werten wurde eine Gerade herausgerechnet, die fehlt: {names}",
        "time_assumed": "Zeit ohne Einheit als Millisekunden gelesen: {names}",
        "twos_complement": "Werte unter 0 als Zweierkomplement gelesen",
        "more_recordings": "weitere Aufnahmen in der Datei, nicht gelesen: {names}",
        "repeated": "ein Punkt weggelassen, den das Pad am Ende wiederholt, Striche: {names}",
        "lifts_untimed": "wie lange der Stift abgehoben war, steht nicht in der Datei",
        "lifts_unknown": "wo der Stift abgehoben war, steht nicht in der Datei",
        "rate_assumed": "ohne Zeitangaben, als gleichmäßig abgetastet gelesen, Punkte je Sekunde: {names}",
    },
    "LogFlaw": {
        "altered": "setzt den vorigen nicht fort: verändert, verschoben oder eingefügt",
        "missing": "fehlt",
        "unreadable": "ist nicht lesbar",
        "cut_off": "fehlt am Ende: das Protokoll wurde abgeschnitten",
        "beyond_head": "liegt hinter dem Kopf: dieser wurde zurückgesetzt oder entfernt",
        "head": "ist nicht der, den der Kopf nennt",
        "anchor": "ist nicht der des Ankers: das Protokoll ist ein anderes oder eine ältere Kopie",
        "state": "nennt andere Zeilen als da sind: jemand ohne den Schlüssel hat welche entfernt oder "
        "zurückgelegt",
    },
    "Refusal": {
        "no_token": "kein Token oder ein falsches",
        "no_header": "eine Anfrage ohne die Kopfzeile, die jede Anfrage trägt",
        "other_page": "eine Anfrage einer anderen Seite",
        "other_name": "unter einem Namen aufgerufen, der nicht der dieses Geräts ist",
        "operators_only": "dies ist dem Personal vorbehalten",
        "not_allowed": "dies gehört nicht zu dem, was Sie dürfen",
        "wrong_code": "das ist nicht der Code des Personals",
        "too_many_codes": "zu viele falsche Codes: bitte warten Sie",
        "codes_blocked": "zu viele falsche Codes nacheinander: `sigverify unlock` am Gerät beendet dies",
        "too_many_questions": "zu viele Anfragen: bitte warten Sie",
        "too_slow": "die Anfrage kam zu langsam",
        "too_much": "mehr auf einmal, als das Gerät nimmt: bitte warten Sie",
        "no_code": "hier gehören alle zum Personal",
        "no_enrollment": "diese Erfassung läuft nicht mehr: bitte beginnen Sie neu",
        "too_many_enrollments": "zu viele Erfassungen zugleich: bitte beenden Sie eine davon",
        "signed_only": "Unterschriften werden hier nur vom Stift des Geräts genommen, nicht vom Browser",
        "not_served": "das gibt es hier nicht",
    },
    "Damage": {
        "structure": "die Seiten der Datenbank selbst sind beschädigt",
        "unlisted": "lässt sich nicht bis zum Ende auflisten",
        "unreadable": "lässt sich nicht öffnen",
        "no_template": "Vektoren ohne Referenzen",
        "no_vectors": "Referenzen ohne Vektoren",
        "other_vectors": "Vektoren einer anderen Erfassung",
        "missing": "Einträge fehlen",
        "untrusted": "von keiner Erfassungsstelle unterzeichnet, der hier getraut wird",
        "tampered": "jemand ohne den Schlüssel hat Zeilen entfernt oder zurückgelegt",
        "older": "der ganze Speicher ist eine ältere Kopie, oder sein Zähler ist es",
        "removed": "fehlt, und niemand mit dem Schlüssel hat es entfernt",
        "put_back": "von jemandem ohne den Schlüssel zurückgelegt; nichts liest es",
        "superseded": "eine ältere Zeile anstelle der neuesten, von jemandem ohne den Schlüssel",
        "remains": "eine gelöschte oder ersetzte Zeile ist noch nicht überschrieben",
    },
    "Erasure": {
        "done": "überschrieben, in der Datei und in ihrem Protokoll",
        "pending": "noch nicht überschrieben: jemand liest seit langem; "
        "die nächste Änderung danach überschreibt es",
        "server": "auf dem Server bis zu dessen VACUUM, und in seinem Protokoll und Sicherungen: "
        "versiegelt, außer offenen Vektoren",
    },
    "Fault": {
        "too_long": "länger als ein Rahmen sein darf",
        "stuffing": "nicht mit COBS verpackt",
        "checksum": "die Prüfsumme stimmt nicht",
    },
    PHRASES: {
        "score": "Wert {score}, Schwelle {threshold}",
        "just_accepted": "würde bei einer Falschakzeptanzrate von {rate} % gerade angenommen",
        "accepted_still": "noch bei der kleinsten bekannten Falschakzeptanzrate, {rate} %, angenommen",
        "unlike": "abweichend: {aspects}",
        "missing": "nicht verglichen: {aspects}",
        "left_out": "nicht gezählt: {kinds}",
        "pen": "Schriftzug",
        "image": "Bild",
        "next_try": "nächster Versuch in {seconds} s",
        "trying_out": "nur zum Ausprobieren? eine andere Aufnahme zeigen oder {option} angeben",
        "entry": "Eintrag {number}",
        "more": "und {count} weitere",
        "most_alike": "Am ähnlichsten",
        "nobody": "Niemand.",
        "nobody_enrolled": "Es ist niemand erfasst.",
        "nobody_by_kind": "So ist niemand erfasst: {kind}. Erfasst sind Personen so: {others}.",
        "enrolled_in": "Erfasst in {store}",
        "none": "keine",
        "reference": "Referenz {number}: {reason}",
        "user_id": "Person",
        "references": "Referenzen",
        "template_bytes": "Bytes gespeichert",
        "model_id": "Modell",
        "complexity": "Komplexität",
        "consistency": "Übereinstimmung",
        "flaws": "Mängel",
        "warning": "Warnung",
        "mixed_scripts": "die Kennung mischt Schriften, die sich gleichen können ({scripts}): stimmt sie?",
        "repairs": "ausgebessert",
        "latency_ms": "Millisekunden",
    },
}

LANGUAGES: Final[Mapping[str, Table]] = MappingProxyType({"en": ENGLISH, "de": GERMAN})
"""By their ISO 639-1 codes; to add one, write its table and name it here."""


def sentence(token: StrEnum, *, language: str = DEFAULT) -> str:
    """Return the words for a token, as part of a sentence.

    Raises:
        ConfigError: there is no such language.

    >>> from sigverify.decision import Reason
    >>> sentence(Reason.UNLIKE), sentence(Reason.UNLIKE, language="de")
    ('the score is below the threshold', 'der Wert liegt unter der Schwelle')
    """
    return _table(language)[type(token).__name__][token.value]


def phrase(name: str, *, language: str = DEFAULT, **values: object) -> str:
    """Return a phrase with its values filled in.

    Raises:
        ConfigError: there is no such language.

    >>> phrase("next_try", language="de", seconds=30)
    'nächster Versuch in 30 s'
    """
    return _table(language)[PHRASES][name].format(**values)


def kind(modality: str, *, language: str = DEFAULT) -> str:
    """Return what people call captures of a modality; of one without a word of its own, its name.

    Raises:
        ConfigError: there is no such language.

    >>> kind("image"), kind("image", language="de"), kind("melody")
    ('picture', 'Bild', 'melody')
    """
    return _table(language)[PHRASES].get(modality, modality)


def preferred_language(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language that the environment asks for, as POSIX says; English where it has no table.

    >>> preferred_language({"LANG": "de_DE.UTF-8"}), preferred_language({"LANG": "de", "LC_ALL": "C"})
    ('de', 'en')
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set to anything counts
    locale = next((environment[name] for name in names if environment.get(name)), "")
    code = locale.partition(".")[0].partition("@")[0].partition("_")[0].lower()
    return code if code in LANGUAGES else DEFAULT


def _table(language: str) -> Table:
    try:
        return LANGUAGES[language]
    except KeyError as error:
        raise ConfigError(
            "no such language", expected=" or ".join(LANGUAGES), received=str(language)
        ) from error
