"""The sentences written by hand, word for word, and what they do with other tables."""

import pandas as pd
import pytest

from utils.errors import UserError
from utils.prompts import Template
from utils.prompts.sentences import SENTENCES

TAE = {
    "Whether_of_not_the_TA_is_a_native_English_speaker": ["1", "2"],
    "Course_instructor": [23, 15],
    "Course": [3, 17],
    "Summer_or_regular_semester": ["1", "2"],
    "Class_size": [19, 49],
}
CMC = {
    "Wifes_age": [24, 45],
    "Wifes_education": ["2", "1"],
    "Husbands_education": ["3", "4"],
    "Number_of_children_ever_born": [3, 10],
    "Wifes_religion": ["1", "0"],
    "Wifes_now_working?": ["1", "0"],
    "Husbands_occupation": ["2", "4"],
    "Standard-of-living_index": ["3", "1"],
    "Media_exposure": ["0", "1"],
}
VEHICLE = [95, 48, 83, 178, 72, 10, 162, 42, 20, 159, 176, 379, 184, 70, 6, 16, 187, 197]
INSURANCE = {
    "age": [46, 19],
    "sex": ["male", "female"],
    "bmi": [27.9, 33.0],
    "children": [1, 0],
    "smoker": ["no", "yes"],
    "region": ["northeast", "southwest"],
}
SERVO = {"motor": ["E", "B"], "screw": ["D", "A"], "pgain": [5, 6], "vgain": [4, 3]}
STUDENT = {
    "school": ["GP", "MS"],
    "sex": ["F", "M"],
    "age": [18, 15],
    "address": ["U", "R"],
    "famsize": ["GT3", "LE3"],
    "Pstatus": ["A", "T"],
    "Medu": [4, 0],
    "Fedu": [3, 2],
    "Mjob": ["at_home", "other"],
    "Fjob": ["teacher", "services"],
    "reason": ["course", "other"],
    "guardian": ["mother", "other"],
    "traveltime": [2, 1],
    "studytime": [2, 3],
    "failures": [0, 4],
    "schoolsup": ["yes", "no"],
    "famsup": ["no", "yes"],
    "paid": ["no", "no"],
    "activities": ["no", "yes"],
    "nursery": ["yes", "no"],
    "higher": ["yes", "no"],
    "internet": ["no", "yes"],
    "romantic": ["no", "yes"],
    "famrel": [4, 1],
    "freetime": [3, 5],
    "goout": [4, 2],
    "Dalc": [1, 2],
    "Walc": [1, 5],
    "health": [3, 5],
    "absences": [4, 0],
    "G1": [0, 12],
    "G2": [11, 13],
}
TABLES = {
    "tae": TAE,
    "cmc": CMC,
    "vehicle": {name: [value, value + 1] for name, value in zip(SENTENCES["vehicle"].columns, VEHICLE, strict=True)},
    "ccpp": {"AT": [8.34, 23.64], "V": [40.77, 58.49], "AP": [1010.84, 1011.4], "RH": [90.01, 74.2]},
    "insurance": INSURANCE,
    "servo": SERVO,
    "student": STUDENT,
}

PROMPTS = {
    "tae": [
        "Knowing a Teaching Assistant who's an English speaker, who teaches the course 3 with instructor 23 "
        "during the summer session, with 19 students, what is the rating for this Teaching Assistant?###",
        "Knowing a Teaching Assistant who's a non-English speaker, who teaches the course 17 with instructor 15 "
        "during the regular session, with 49 students, what is the rating for this Teaching Assistant?###",
    ],
    "cmc": [
        "In a family, the 24-year-old wife believes in Islam. She has a below-average education level. She does "
        "not have a job. The husband has an above-average education level. He has a type B job. They've had 3 "
        "children. They have an above-average standard of living. They are exposed to the media very often. "
        "What's the contraceptive method likely being used in this family?###",
        "In a family, the 45-year-old wife does not believe in Islam. She has a very low education level. She "
        "has a job. The husband has a very high education level. He has a type D job. They've had 10 children. "
        "They have a very low standard of living. They are not exposed to the media very often. What's the "
        "contraceptive method likely being used in this family?###",
    ],
    "vehicle": [
        "When we have compactness = 95.00, circularity = 48.00, distance circularity = 83.00, radius ratio = "
        "178.00, pr.axis aspect ratio = 72.00, max.length aspect ratio = 10.00, scatter ratio = 162.00, "
        "elongatedness = 42.00, pr.axis rectangularity = 20.00, max.length rectangularity = 159.00, scaled "
        "variance major = 176.00, scaled variance minor = 379.00, scaled radius of gyration = 184.00, skewness "
        "about major = 70.00, skewness about minor = 6.00, kurtosis about major = 16.00, kurtosis about minor = "
        "187.00, hollows ratio = 197.00, What's type of this vehicle?###",
    ],
    "ccpp": [
        "When the air temperature is 8.3400 celsius degree, ambient pressure is 1010.8400 millibar, relative "
        "humidity is 90.0100 percent, and exhaust vacuum is 40.7700 cm Hg, what's the net hourly electrical "
        "energy output in MW?###",
    ],
    "insurance": [
        "A 46-year-old male, who has 1 children, lives in the northeast in the U.S. He does not smoke, and has "
        "body mass index 27.9000. How much does this person pay for medical insurance?###",
        "A 19-year-old female, who has 0 children, lives in the southwest in the U.S. She smokes, and has body "
        "mass index 33.0000. How much does this person pay for medical insurance?###",
    ],
    "servo": [
        "Given a servomechanism, with motor E and screw D, whose voltage gain is 4 and power gain is 5, what is "
        "its rise time?###",
    ],
    "student": [
        "A 18-year-old female student from Gabriel Pereira school, is living in urban area. Her family has "
        "greater than 3 members, and her parents are living apart. Her mother is highly educated, and now is "
        "working at home. Her father had a secondary education, and now is working as a teacher. Her guardian is "
        "her mother. She chose this school because of its courses. It takes her 2 hours to get to school. She "
        "studies 2 hours every week, and failed 0 courses. She has extra education support, has no family "
        "education support, has no extra paid classes within the course subject, has no extra curricular "
        "activities. She has attended nursery school, and wants to take higher education. She has no internet "
        "access at home, with no romantic relationship. Her family relationships are good. She has medium free "
        "time after school, and goes out with friends in high frequency. Her workday alcohol consumptions is "
        "very low, and weekend alcohol consumption is very low. She is a medium health status, and has 4 number "
        "of school absences. Her first period grade is 0, and second period grade is 11. What is her final "
        "grade? ###",
        "A 15-year-old male student from Mousinho da Silveira school, is living in rural area. His family has "
        "less or equal to 3 members, and his parents are living together. His mother is uneducated. His father's "
        "highest education is 5th-9th grade, and now is working as a civil service employee. His guardian is "
        "neither his mother nor father. It takes him 1 hours to get to school. He studies 3 hours every week, "
        "and failed more than 4 courses. He has no extra education support, has family education support, has no "
        "extra paid classes within the course subject, has extra curricular activities. He has never attended "
        "nursery school, and does not want to take higher education. He has internet access at home, with "
        "romantic relationship. His family relationships are very bad. He has very high free time after school, "
        "and goes out with friends in low frequency. His workday alcohol consumptions is low, and weekend "
        "alcohol consumption is very high. He is a very good health status, and has 0 number of school absences. "
        "His first period grade is 12, and second period grade is 13. What is his final grade? ###",
    ],
}


def template(name):
    task = SENTENCES[name].task
    return Template(task, name).fit(
        pd.DataFrame(TABLES[name]), ["a", "b"] if task == "classification" else [0.28125, 7.1]
    )


@pytest.mark.parametrize(("name", "prompts"), list(PROMPTS.items()))
def test_every_sentence_word_for_word(name, prompts):
    assert template(name).prompts(pd.DataFrame(TABLES[name]))[: len(prompts)] == prompts


def test_answers_of_the_sentences():
    assert template("servo").completions([0.28125, 7.1]) == [" 0.2812@@@", " 7.1000@@@"]
    assert template("cmc").completions(["b"]) == [" 1@@@"]


@pytest.mark.parametrize("name", list(SENTENCES))
def test_columns_are_found_by_name_in_any_order_and_by_position_without_names(name):
    table = pd.DataFrame(TABLES[name])
    fitted = template(name)
    y = ["a", "b"] if fitted.task == "classification" else [0.28125, 7.1]
    shuffled = table[table.columns[::-1]].rename(columns=str.upper).assign(other=1)
    assert Template(fitted.task, name).fit(shuffled, y).prompts(shuffled) == fitted.prompts(table)
    nameless = table.set_axis([f"V{i + 1}" for i in range(table.shape[1])], axis=1)
    assert Template(fitted.task, name).fit(nameless, y).prompts(nameless) == fitted.prompts(table)


@pytest.mark.parametrize("name", list(SENTENCES))
def test_a_table_without_the_columns_is_refused_by_name(name):
    table = pd.DataFrame(TABLES[name]).rename(columns=lambda column: "q" + column)
    with pytest.raises(UserError, match="needs the columns"):
        Template(SENTENCES[name].task, name).fit(
            table, ["a", "b"] if SENTENCES[name].task == "classification" else [1.0, 2.0]
        )


def test_categories_may_be_numbers_or_texts_and_unknown_ones_are_written_as_they_are():
    numbers = pd.DataFrame({name: pd.to_numeric(pd.Series(values)) for name, values in TAE.items()})
    assert Template("classification", "tae").fit(numbers, ["a", "b"]).prompts(numbers) == template("tae").prompts(
        pd.DataFrame(TAE)
    )
    strange = pd.DataFrame(INSURANCE).assign(sex=["other", None], region=["a, b", "north###"])
    first, second = template("insurance").prompts(strange)
    assert first.startswith(
        r"A 46-year-old other, who has 1 children, lives in the a\x2c b in the U.S. other does not smoke"
    )
    assert second.startswith(
        r"A 19-year-old unknown, who has 0 children, lives in the north\x23\x23\x23 in the U.S. unknown"
    )


def test_shuffled_names_move_the_values_to_other_places():
    names = {"motor": "screw", "screw": "motor", "pgain": "vgain", "vgain": "pgain"}
    table = pd.DataFrame(SERVO)
    prompt = Template("regression", "servo", names=names).fit(table, [1.0, 2.5]).prompts(table)[0]
    assert "motor D and screw E, whose voltage gain is 5 and power gain is 4" in prompt
