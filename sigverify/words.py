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
        "replay": "a copy of a signature seen before: nobody signs twice the same",
        "locked": "too many failed tries: wait and try again",
        "poor": "too little signature in this capture: sign again",
    },
    "AdditionReason": {
        "taken": "taken",
        "too_short": "too short: sign your whole name",
        "too_simple": "too simple: anybody could draw it",
        "bad_capture": "a bad capture: samples are missing",
        "copy": "a copy of an earlier one: sign anew",
        "unlike": "too unlike the others: sign as you usually do",
        "in_seconds": "a capture whose stamps look like seconds: pass time_unit='s'",
        "in_microseconds": "a capture whose stamps look like microseconds: pass time_unit='us'",
        "in_nanoseconds": "a capture whose stamps look like nanoseconds: pass time_unit='ns'",
        "no_time": "a capture without time: its stamps are all the same, or an index",
        "no_ink": "a picture without ink, or with hardly any",
        "too_small": "a picture too small: scan it finer, or hold the camera nearer",
        "several": "a picture of several signatures: cut out one of them",
        "no_strokes": "no picture of handwriting",
        "cut_off": "cut off at the edge of its picture: show all of it",
        "blurred": "a blurred picture: take it anew",
    },
    "Flaw": {
        "too_short": "too short",
        "too_simple": "too simple",
        "bad_capture": "a bad capture: too few samples a second, or too much of it lost",
        "in_seconds": "its stamps look like seconds: pass time_unit='s'",
        "in_microseconds": "its stamps look like microseconds: pass time_unit='us'",
        "in_nanoseconds": "its stamps look like nanoseconds: pass time_unit='ns'",
        "no_time": "no time in this capture: its stamps are all the same, or an index",
        "no_ink": "no ink in this picture, or hardly any",
        "too_small": "too few pixels: scan it finer, or hold the camera nearer",
        "several": "several signatures in this picture: cut out one of them",
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
        "unlocked": "unlocked",
        "adapted": "reference renewed",
        "adaptation_undone": "renewals undone",
        "rekeyed": "rekeyed",
        "backed_up": "backed up",
        "restored": "restored",
        "exported": "exported",
        "imported": "imported",
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
    },
    "LogFlaw": {
        "altered": "does not continue the one before it: altered, moved or put in",
        "missing": "is missing",
        "unreadable": "cannot be read",
        "cut_off": "is missing at the end: the log was cut off",
        "beyond_head": "is beyond the head: the head was put back or removed",
        "head": "is not the one the head names",
        "anchor": "is not the one of the anchor: the log is another, or an older copy",
    },
    "Refusal": {
        "no_token": "no token, or a wrong one",
        "no_header": "a request without the header that every request carries",
        "other_page": "a request of another page",
        "other_name": "asked for by a name that is not this machine's",
        "operators_only": "this is for operators",
        "wrong_code": "this is not the operator's code",
        "too_many_codes": "too many wrong codes: wait and try again",
        "no_code": "everybody is an operator here",
        "no_enrollment": "no such enrollment is under way: begin again",
        "too_many_enrollments": "too many enrollments under way: finish or cancel one of them",
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
    },
    "Fault": {
        "too_long": "longer than a frame may be",
        "stuffing": "not encoded by COBS",
        "checksum": "the checksum differs",
    },
    PHRASES: {
        "score": "score {score}, threshold {threshold}",
        "just_accepted": "would just be accepted at a false-match rate of {rate} %",
        "unlike": "unlike: {aspects}",
        "missing": "not compared: {aspects}",
        "left_out": "not counted: {kinds}",
        "pen": "strokes",
        "image": "picture",
        "next_try": "next try in {seconds} s",
        "entry": "entry {number}",
        "more": "and {count} more",
        "most_alike": "Most alike",
        "nobody": "Nobody.",
        "nobody_enrolled": "Nobody is enrolled.",
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
        "replay": "eine Kopie: niemand unterschreibt zweimal genau gleich",
        "locked": "zu viele Fehlversuche: bitte warten Sie",
        "poor": "zu wenig Unterschrift: bitte unterschreiben Sie noch einmal",
    },
    "AdditionReason": {
        "taken": "übernommen",
        "too_short": "zu kurz: bitte unterschreiben Sie mit Ihrem ganzen Namen",
        "too_simple": "zu einfach: das könnte jeder zeichnen",
        "bad_capture": "eine schlechte Aufnahme: es fehlen Messpunkte",
        "copy": "eine Kopie einer früheren: bitte unterschreiben Sie neu",
        "unlike": "den anderen zu unähnlich: bitte unterschreiben Sie so wie gewöhnlich",
        "in_seconds": "Zeiten, die Sekunden zu sein scheinen: time_unit='s' angeben",
        "in_microseconds": "Zeiten, die Mikrosekunden zu sein scheinen: time_unit='us' angeben",
        "in_nanoseconds": "Zeiten, die Nanosekunden zu sein scheinen: time_unit='ns' angeben",
        "no_time": "eine Aufnahme ohne Zeit: die Zeiten sind alle gleich oder nur gezählt",
        "no_ink": "ein Bild ohne Tinte oder mit kaum welcher",
        "too_small": "ein zu kleines Bild: bitte feiner scannen oder näher herangehen",
        "several": "ein Bild mehrerer Unterschriften: bitte eine davon ausschneiden",
        "no_strokes": "kein Bild von Handschrift",
        "cut_off": "am Bildrand abgeschnitten: bitte ganz zeigen",
        "blurred": "ein unscharfes Bild: bitte neu aufnehmen",
    },
    "Flaw": {
        "too_short": "zu kurz",
        "too_simple": "zu einfach",
        "bad_capture": "eine schlechte Aufnahme: zu wenige Messpunkte je Sekunde, oder zu viele fehlen",
        "in_seconds": "die Zeiten scheinen Sekunden zu sein: time_unit='s' angeben",
        "in_microseconds": "die Zeiten scheinen Mikrosekunden zu sein: time_unit='us' angeben",
        "in_nanoseconds": "die Zeiten scheinen Nanosekunden zu sein: time_unit='ns' angeben",
        "no_time": "keine Zeit in dieser Aufnahme: die Zeiten sind alle gleich oder nur gezählt",
        "no_ink": "keine Tinte in diesem Bild, oder kaum welche",
        "too_small": "zu wenige Pixel: bitte feiner scannen oder näher herangehen",
        "several": "mehrere Unterschriften in diesem Bild: bitte eine davon ausschneiden",
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
        "unlocked": "entsperrt",
        "adapted": "Referenz erneuert",
        "adaptation_undone": "Erneuerungen zurückgenommen",
        "rekeyed": "neu verschlüsselt",
        "backed_up": "gesichert",
        "restored": "wiederhergestellt",
        "exported": "ausgeführt",
        "imported": "eingeführt",
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
    },
    "LogFlaw": {
        "altered": "setzt den vorigen nicht fort: verändert, verschoben oder eingefügt",
        "missing": "fehlt",
        "unreadable": "ist nicht lesbar",
        "cut_off": "fehlt am Ende: das Protokoll wurde abgeschnitten",
        "beyond_head": "liegt hinter dem Kopf: dieser wurde zurückgesetzt oder entfernt",
        "head": "ist nicht der, den der Kopf nennt",
        "anchor": "ist nicht der des Ankers: das Protokoll ist ein anderes oder eine ältere Kopie",
    },
    "Refusal": {
        "no_token": "kein Token oder ein falsches",
        "no_header": "eine Anfrage ohne die Kopfzeile, die jede Anfrage trägt",
        "other_page": "eine Anfrage einer anderen Seite",
        "other_name": "unter einem Namen aufgerufen, der nicht der dieses Geräts ist",
        "operators_only": "dies ist dem Personal vorbehalten",
        "wrong_code": "das ist nicht der Code des Personals",
        "too_many_codes": "zu viele falsche Codes: bitte warten Sie",
        "no_code": "hier gehören alle zum Personal",
        "no_enrollment": "diese Erfassung läuft nicht mehr: bitte beginnen Sie neu",
        "too_many_enrollments": "zu viele Erfassungen zugleich: bitte beenden Sie eine davon",
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
    },
    "Fault": {
        "too_long": "länger als ein Rahmen sein darf",
        "stuffing": "nicht mit COBS verpackt",
        "checksum": "die Prüfsumme stimmt nicht",
    },
    PHRASES: {
        "score": "Wert {score}, Schwelle {threshold}",
        "just_accepted": "würde bei einer Falschakzeptanzrate von {rate} % gerade angenommen",
        "unlike": "abweichend: {aspects}",
        "missing": "nicht verglichen: {aspects}",
        "left_out": "nicht gezählt: {kinds}",
        "pen": "Schriftzug",
        "image": "Bild",
        "next_try": "nächster Versuch in {seconds} s",
        "entry": "Eintrag {number}",
        "more": "und {count} weitere",
        "most_alike": "Am ähnlichsten",
        "nobody": "Niemand.",
        "nobody_enrolled": "Es ist niemand erfasst.",
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
