"""Hand-written sentences for one table each, from the paper's experiments on feature names (paper §4.1).

The words are those of the paper's released texts. Where such a text was wrong about its row, it is corrected here, and
a comment says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phrase:
    """A field determined by one or two columns: their values, as text, look up the words."""

    columns: tuple[str, ...]
    words: Mapping[str | tuple[str, str], str]


@dataclass(frozen=True)
class Sentence:
    """A text for the rows of one table.

    Attributes:
        text: with a field in braces for each column (its role) or phrase.
        task: the task of the table.
        columns: role → other names of its column (letters and digits, lower case), in the table's order.
        phrases: field → words; roles without one are written as the cell's number or text.
        decimals: of fractional numbers in the paper's format.
        integers: whole columns are written without decimals.
    """

    text: str
    task: str
    columns: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, Phrase] = field(default_factory=dict)
    decimals: int = 4
    integers: bool = True


LEVEL = {"1": "a very low", "2": "a below-average", "3": "an above-average", "4": "a very high"}
TAE = Sentence(
    "Knowing a Teaching Assistant who's {native}, who teaches the course {course} with instructor {instructor} during "
    "the {session} session, with {size} students, what is the rating for this Teaching Assistant?###",
    columns={
        "native": ("whetherofnotthetaisanativeenglishspeaker", "whetherornotthetaisanativeenglishspeaker"),
        "instructor": ("courseinstructor",),
        "course": (),
        "session": ("summerorregularsemester",),
        "size": ("classsize",),
    },
    phrases={
        "native": Phrase(("native",), {"1": "an English speaker", "2": "a non-English speaker"}),
        "session": Phrase(("session",), {"1": "summer", "2": "regular"}),
    },
    task="classification",
)
CMC = Sentence(
    "In a family, the {age}-year-old wife {religion}. She has {wife} education level. She {working} a job. The "
    "husband has {husband} education level. He has a type {occupation} job. They've had {children} children. They "
    "have {living} standard of living. They {media} exposed to the media very often. What's the contraceptive method "
    "likely being used in this family?###",
    columns={
        "age": ("wifesage", "wifeage"),
        "wife": ("wifeseducation", "wifeeducation"),
        "husband": ("husbandseducation", "husbandeducation"),
        "children": ("numberofchildreneverborn", "numchildren"),
        "religion": ("wifesreligion", "wifereligion"),
        "working": ("wifesnowworking", "wifeworking"),
        "occupation": ("husbandsoccupation", "husbandoccupation"),
        "living": ("standardoflivingindex",),
        "media": ("mediaexposure",),
    },
    phrases={
        "wife": Phrase(("wife",), LEVEL),
        "husband": Phrase(("husband",), LEVEL),
        "religion": Phrase(("religion",), {"0": "does not believe in Islam", "1": "believes in Islam"}),
        "working": Phrase(("working",), {"0": "has", "1": "does not have"}),
        "occupation": Phrase(("occupation",), {"1": "A", "2": "B", "3": "C", "4": "D"}),
        "living": Phrase(("living",), LEVEL),
        "media": Phrase(("media",), {"0": "are", "1": "are not"}),
    },
    task="classification",
)
SILHOUETTE = (
    "compactness, circularity, distance circularity, radius ratio, pr.axis aspect ratio, max.length aspect ratio, "
    "scatter ratio, elongatedness, pr.axis rectangularity, max.length rectangularity, scaled variance major, "
    "scaled variance minor, scaled radius of gyration, skewness about major, skewness about minor, "
    "kurtosis about major, kurtosis about minor, hollows ratio"
)
VEHICLE = Sentence(
    "When we have "
    + "".join(f"{name} = {{{name}}}, " for name in SILHOUETTE.split(", "))
    + "What's type of this vehicle?###",
    decimals=2,
    integers=False,
    columns=dict.fromkeys(SILHOUETTE.split(", "), ()),
    task="classification",
)
CCPP = Sentence(
    "When the air temperature is {AT} celsius degree, ambient pressure is {AP} millibar, relative humidity is {RH} "
    "percent, and exhaust vacuum is {V} cm Hg, what's the net hourly electrical energy output in MW?###",
    integers=False,
    columns={"AT": ("temperature",), "V": ("exhaustvacuum",), "AP": ("ambientpressure",), "RH": ("relativehumidity",)},
    task="regression",
)
INSURANCE = Sentence(
    "A {age}-year-old {sex}, who has {children} children, lives in the {region} in the U.S. {she} {smoker}, and has "
    "body mass index {bmi}. How much does this person pay for medical insurance?###",
    columns={"age": (), "sex": ("gender",), "bmi": (), "children": (), "smoker": (), "region": ()},
    phrases={
        "she": Phrase(("sex",), {"female": "She", "male": "He"}),
        "smoker": Phrase(("smoker",), {"no": "does not smoke", "yes": "smokes"}),
    },
    task="regression",
)
SERVO = Sentence(  # the original swapped the two gains
    "Given a servomechanism, with motor {motor} and screw {screw}, whose voltage gain is {vgain} and power gain is "
    "{pgain}, what is its rise time?###",
    columns={"motor": ("m",), "screw": ("s",), "pgain": ("p",), "vgain": ("v",)},
    task="regression",
)


SEX = {  # field → words for a boy, for a girl
    "He": ("He", "She"),
    "His": ("His", "Her"),
    "his": ("his", "her"),
    "him": ("him", "her"),
    "gender": ("male", "female"),
}
EDUCATION = {
    "0": " is uneducated",
    "1": "'s highest education is 4th grade",
    "2": "'s highest education is 5th-9th grade",
    "3": " had a secondary education",
    "4": " is highly educated",
}
JOB = {
    "at_home": ", and now is working at home",
    "health": ", and now is working on healthcare-related field",
    "services": ", and now is working as a civil service employee",
    "teacher": ", and now is working as a teacher",
    "other": "",
}
HAS = {"yes": "", "no": "no "}
GOOD = {"1": "very bad", "2": "bad", "3": "medium", "4": "good", "5": "very good"}
HIGH = {"1": "very low", "2": "low", "3": "medium", "4": "high", "5": "very high"}
REASON = {"home": "because it is close to home", "reputation": "for its reputation", "course": "because of its courses"}
STUDENT_WORDS: Mapping[str, Mapping[str, str]] = {
    "school": {"GP": "Gabriel Pereira", "MS": "Mousinho da Silveira"},
    "address": {"U": "urban", "R": "rural"},
    "famsize": {"LE3": "less or equal to 3 members", "GT3": "greater than 3 members"},
    "Pstatus": {"T": "together", "A": "apart"},
    "Medu": EDUCATION,
    "Fedu": EDUCATION,
    "Mjob": JOB,
    "Fjob": JOB,
    "failures": {"4": "more than 4"},
    "schoolsup": HAS,
    "famsup": HAS,
    "paid": HAS,
    "activities": HAS,
    "nursery": {"yes": "has attended", "no": "has never attended"},  # the original always wrote "attended"
    "higher": {"yes": "wants", "no": "does not want"},  # the original always wrote "wants"
    "internet": HAS,
    "romantic": HAS,
    "famrel": GOOD,
    "freetime": HIGH,
    "goout": HIGH,
    "Dalc": HIGH,
    "Walc": HIGH,
    "health": GOOD,
}
STUDENT_COLUMNS = (
    "school sex age address famsize Pstatus Medu Fedu Mjob Fjob reason guardian traveltime studytime failures "
    "schoolsup famsup paid activities nursery higher internet romantic famrel freetime goout Dalc Walc health "
    "absences G1 G2"
)


def _of_both(column: str, boy: Mapping[str, str], girl: Mapping[str, str]) -> Phrase:
    """Words that depend on sex and another column."""
    return Phrase(("sex", column), {("M", k): v for k, v in boy.items()} | {("F", k): v for k, v in girl.items()})


STUDENT = Sentence(  # travel and study time are codes 1 to 4, which the original calls hours
    "A {age}-year-old {gender} student from {school} school, is living in {address} area. {His} family has "
    "{famsize}, and {his} parents are living {Pstatus}. {His} mother{Medu}{Mjob}. {His} father{Fedu}{Fjob}. {His} "
    "guardian is {guardian}. {reason}It takes {him} {traveltime} hours to get to school. {He} studies {studytime} "
    "hours every week, and failed {failures} courses. {He} has {schoolsup}extra education support, has "
    "{famsup}family education support, has {paid}extra paid classes within the course subject, has {activities}extra "
    "curricular activities. {He} {nursery} nursery school, and {higher} to take higher education. {He} has "
    "{internet}internet access at home, with {romantic}romantic relationship. {His} family relationships are "
    "{famrel}. {He} has {freetime} free time after school, and goes out with friends in {goout} frequency. {His} "
    "workday alcohol consumptions is {Dalc}, and weekend alcohol consumption is {Walc}. {He} is a {health} health "
    "status, and has {absences} number of school absences. {His} first period grade is {G1}, and second period grade "
    "is {G2}. What is {his} final grade? ###",
    task="regression",
    columns=dict.fromkeys(STUDENT_COLUMNS.split(), ()),
    phrases={
        **{name: Phrase(("sex",), {"M": boy, "F": girl}) for name, (boy, girl) in SEX.items()},
        **{name: Phrase((name,), words) for name, words in STUDENT_WORDS.items()},
        "guardian": _of_both(  # the original swapped the two cases
            "guardian",
            {"mother": "his mother", "father": "his father", "other": "neither his mother nor father"},
            {"mother": "her mother", "father": "her father", "other": "neither her mother nor father"},
        ),
        "reason": _of_both(
            "reason",
            {why: f"He chose this school {text}. " for why, text in REASON.items()} | {"other": ""},
            {why: f"She chose this school {text}. " for why, text in REASON.items()} | {"other": ""},
        ),
    },
)

SENTENCES: Mapping[str, Sentence] = {
    "tae": TAE,
    "cmc": CMC,
    "vehicle": VEHICLE,
    "ccpp": CCPP,
    "insurance": INSURANCE,
    "servo": SERVO,
    "student": STUDENT,
}
