"""The dates and times of a claim: the same in any form, filled in from next door only where left open."""

import pytest

from qa_service.guards import check


def date_faults(claim: str, cited: str, *, context: str = "", question: str = "") -> list[str]:
    return [
        fault.text
        for fault in check(claim, cited, context=context, question=question)
        if fault.kind == "date"
    ]


SAME_DAY = [
    "8 August 1945", "August 8, 1945", "Aug. 8, 1945", "8 Aug 1945", "the 8th of August, 1945",
    "August 8th, 1945",
    "1945-08-08", "08.08.1945", "8/8/1945", "8. August 1945", "8 августа 1945 г.", "8-го августа 1945 года",
]  # fmt: skip


@pytest.mark.parametrize("stated", SAME_DAY)
@pytest.mark.parametrize("given", SAME_DAY)
def test_a_day_is_the_same_in_every_form(stated: str, given: str) -> None:
    assert check(f"The war began on {stated}.", f"The war began on {given}.") == ()


@pytest.mark.parametrize("stated", SAME_DAY)
def test_another_day_is_a_fault_in_every_form(stated: str) -> None:
    assert date_faults(f"The war began on {stated}.", "The war began on August 9, 1945.")


CARRIED = [
    ("It began in August 1945.", "It began on 8 August 1945."),
    ("It began in 1945.", "It began on 8 August 1945."),
    ("It began on August 8.", "It began on 8 August 1945."),
    ("It began on 8 August 1945.", "In 1945 there was war. It began on August 8."),
    ("It was founded in the 1930s.", "It was founded in 1937."),
    ("It was founded in the 1930s.", "It was founded in the thirties."),
    ("It was founded in the 20th century.", "It was founded in 1937."),
    ("It was founded in the twentieth century.", "It was founded in the 20th century."),
    ("He led it from 1921 to 1945.", "He led it in 1921–45."),
    ("He led it until 1945.", "He led it in 1921–45."),
    ("It lasted from 24 to 26 May 1939.", "It lasted from May 24 to May 26, 1939."),
    ("It was raided in June 1807.", "It was raided in May, June 1807."),
    ("They met at 5 p.m.", "They met at 17:00."),
    ("They met at 5:00 p.m.", "They met at 5 pm."),
    ("They met at noon.", "They met at 12:00."),
    ("It fell on 8/9/1945.", "It fell on 8 September 1945."),
    ("It fell on 8/9/1945.", "It fell on August 9, 1945."),
    ("It met on Monday.", "It met on Monday."),
    ("It ended on August 9.", "On August 6 it began. Three days later it ended."),
    ("He came on 1 March 1946.", "He left on 28 February 1946. The next day he came."),
    ("He died in 1940.", "He fell ill in 1938 and died two years later."),
    ("There were 1812 men.", "There were 1,812 men."),
    ("Es begann im August 1945.", "Es begann am 8. August 1945."),
    ("Es entstand in den 1930er Jahren.", "Es entstand 1937."),
    ("Es entstand in den Dreißigerjahren.", "Es entstand 1937."),
    ("Es entstand im 20. Jahrhundert.", "Es entstand 1937."),
    ("Sie trafen sich um 17 Uhr.", "Sie trafen sich um 17:00 Uhr."),
    ("Es endete am 9. August.", "Am 6. August begann es. Drei Tage später endete es."),
    ("Это началось в августе 1945 года.", "Это началось 8 августа 1945 г."),
    ("Это возникло в 1930-х годах.", "Это возникло в 1937 году."),
    ("Это возникло в XX веке.", "Это возникло в 1937 году."),
    ("Это возникло в двадцатом веке.", "Это возникло в 1937 году."),
    (
        "Это кончилось 9 августа.",
        "6 августа это началось. Через три дня это кончилось.",
    ),
    ("Жуков прибыл 24 мая 1939 года.", "Zhukov arrived on May 24, 1939."),
    ("Es begann am 8. August 1945.", "The war began on August 8, 1945."),
    ("战争于1945年8月8日开始。", "The war began on August 8, 1945."),
]


@pytest.mark.parametrize(("claim", "cited"), CARRIED)
def test_a_date_is_carried_by_one_that_tells_as_much(claim: str, cited: str) -> None:
    assert date_faults(claim, cited) == []


ALTERED = [
    ("It began on 8 August 1945.", "It began in August 1945."),
    ("It began on 8 August 1944.", "It began on 8 August 1945."),
    ("It began on 8 July 1945.", "It began on 8 August 1945."),
    ("It began on 18 August 1945.", "It began on 8 August 1945."),
    ("It began in 1946.", "It began on 8 August 1945."),
    ("It began in July.", "It began on 8 August 1945."),
    ("It was founded in the 1920s.", "It was founded in 1937."),
    ("It was founded in 1937.", "It was founded in the 1930s."),
    ("It was founded in the 19th century.", "It was founded in 1937."),
    ("He led it from 1921 to 1946.", "He led it in 1921–45."),
    ("They met at 6 p.m.", "They met at 17:00."),
    ("They met at 5 a.m.", "They met at 5 p.m."),
    ("It met on Tuesday.", "It met on Monday."),
    ("It ended on August 10.", "On August 6 it began. Three days later it ended."),
    ("The pact was signed on August 23, 1937.", "The pact was signed on August 21, 1937."),
    ("Es begann im Juli 1945.", "Es begann am 8. August 1945."),
    ("Es entstand in den 1920er Jahren.", "Es entstand 1937."),
    ("Es entstand im 19. Jahrhundert.", "Es entstand 1937."),
    ("Sie trafen sich um 18 Uhr.", "Sie trafen sich um 17 Uhr."),
    ("Это началось в июле 1945 года.", "Это началось 8 августа 1945 г."),
    ("Это возникло в 1920-х годах.", "Это возникло в 1937 году."),
    ("Это возникло в XIX веке.", "Это возникло в 1937 году."),
    ("Жуков прибыл 25 мая 1939 года.", "Zhukov arrived on May 24, 1939."),
    ("Es begann am 9. August 1945.", "The war began on August 8, 1945."),
    ("战争于1945年8月9日开始。", "The war began on August 8, 1945."),
]


@pytest.mark.parametrize(("claim", "cited"), ALTERED)
def test_another_date_is_a_fault(claim: str, cited: str) -> None:
    assert date_faults(claim, cited)


def test_the_context_fills_in_a_year_that_the_cited_text_leaves_open() -> None:
    assert (
        date_faults("It began on 8 August 1945.", "It began on August 8.", context="In 1945 it was tense.")
        == []
    )


def test_the_context_does_not_excuse_a_year_when_the_cited_text_has_another() -> None:
    assert date_faults("It began in 1944.", "It began in 1945.", context="In 1944 it was tense.") == ["1944"]


def test_the_context_supplies_a_day_that_the_cited_text_points_to() -> None:
    assert date_faults("He met Sato on August 8.", "That day he met Sato.", context="It was August 8.") == []


def test_the_context_does_not_supply_a_day_that_nothing_points_to() -> None:
    assert date_faults("He met Sato on August 8.", "He met Sato.", context="It was August 8.") == ["August 8"]


def test_the_question_is_no_evidence_for_a_date() -> None:
    assert date_faults("It began in 1944.", "It began.", question="Why did it begin in 1944?") == ["1944"]


def test_a_verb_is_not_taken_for_a_month() -> None:
    assert check("They may march again.", "Perhaps they march again.") == ()
