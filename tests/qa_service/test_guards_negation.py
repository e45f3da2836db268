"""Denials that a claim adds to its cited text, or takes from it."""

import pytest

from qa_service.guards import check


def denial_faults(claim: str, cited: str) -> list[str]:
    return [fault.text for fault in check(claim, cited) if fault.kind == "negation"]


FAITHFUL = [
    ("The army was not a threat.", "The army was not a threat."),
    ("The army wasn't a threat.", "The army was not a threat."),
    ("The army withdrew.", "The army did not attack but withdrew."),
    ("The army did not attack.", "The army did not attack but withdrew."),
    ("The army never attacked.", "The army did not attack."),
    ("The army failed to take the city.", "The army did not take the city."),
    ("The army did not take the city.", "The army failed to take the city."),
    ("He did not allow the use of bases.", "He refused to allow the use of bases."),
    ("Her fate is not known.", "Her fate remains unknown."),
    ("Her fate is unknown.", "Her fate is not known."),
    ("It was not possible to hold the line.", "It was impossible to hold the line."),
    ("There was no such farm.", "The rumour of such a farm (1939) is a groundless fabrication."),
    ("No: the army was strong.", "The army was strong."),
    ("Not only tanks but also planes came.", "Tanks and planes came."),
    ("Tanks and planes came.", "Not only tanks but also planes came."),
    ("It took no less than three tanks.", "It took three tanks."),
    ("They surrendered in September.", "They did not surrender until September."),
    ("They did not surrender until September.", "They surrendered in September."),
    ("They had no ammunition.", "They were without food, water or ammunition."),
    ("He gave orders orally and without writing.", "He gave orders orally, without any writing."),
    ("They fought with tanks.", "They fought with tanks, although they had no fuel."),
    ("He attacked Mukden.", "He did not attack Harbin; he attacked Mukden."),
    ("They were not members of the union.", "They were neither members of the union nor guests."),
    ("Die Armee war keine Bedrohung.", "Die Armee war keine Bedrohung."),
    ("Die Armee zog sich zurück.", "Die Armee griff nicht an, sondern zog sich zurück."),
    ("Die Armee griff die Stadt nicht an.", "Die Armee griff die Stadt niemals an."),
    ("Nicht nur Panzer kamen.", "Panzer und Flugzeuge kamen."),
    ("Армия не была угрозой.", "Армия не была угрозой."),
    ("Армия отступила.", "Армия не атаковала, а отступила."),
    ("Судьба дочери не известна.", "Судьба дочери неизвестна."),
    ("Никто не знал об этом.", "Об этом никто не знал."),
    ("Пришли не только танки.", "Пришли танки и самолёты."),
    ("Армия не была угрозой.", "The army was a threat."),
]


@pytest.mark.parametrize(("claim", "cited"), FAITHFUL)
def test_a_claim_that_denies_what_its_source_denies_has_no_fault(claim: str, cited: str) -> None:
    assert denial_faults(claim, cited) == []


REVERSED = [
    ("The army was not a threat.", "The army was a threat."),
    ("The army was a threat.", "The army was not a threat."),
    ("The army was a threat.", "The army wasn't a threat."),
    ("The invasion did not last until May.", "The invasion had lasted until May by not ending the war."),
    ("The men were never released.", "The men were released after the war."),
    ("The men were released.", "The men were never released."),
    ("He did not attack Mukden.", "He did not attack Harbin; he attacked Mukden."),
    ("He attacked Harbin.", "He did not attack Harbin; he attacked Mukden."),
    ("They had enough ammunition.", "They had no ammunition, and not enough water."),
    ("He failed to destroy the bridge.", "He destroyed the bridge."),
    ("He destroyed the bridge.", "He failed to destroy the bridge."),
    ("The order was given without writing.", "The order was given in writing."),
    ("The document is not authentic.", "The document is authentic."),
    ("The union can't declare war.", "The union can declare war."),
    ("Neither side kept the pact.", "One side kept the pact."),
    ("Die Armee war keine Bedrohung.", "Die Armee war eine Bedrohung."),
    ("Die Armee war eine Bedrohung.", "Die Armee war keine Bedrohung."),
    ("Die Armee griff die Stadt nicht an.", "Die Armee griff die Stadt an."),
    ("Die Gefangenen wurden nie freigelassen.", "Die Gefangenen wurden nach dem Krieg freigelassen."),
    ("Der Befehl wurde ohne Unterschrift erteilt.", "Der Befehl wurde mit Unterschrift erteilt."),
    ("Армия не была угрозой.", "Армия была угрозой."),
    ("Армия была угрозой.", "Армия не была угрозой."),
    ("Пленных не освободили.", "Пленных освободили после войны."),
    ("Приказ отдали без подписи.", "Приказ отдали с подписью."),
    ("Рукописи сохранились.", "Рукописи не сохранились."),
]


@pytest.mark.parametrize(("claim", "cited"), REVERSED)
def test_a_denial_added_or_left_out_is_a_fault(claim: str, cited: str) -> None:
    assert denial_faults(claim, cited)


def test_the_context_does_not_decide_what_the_cited_text_affirms() -> None:
    faults = check("He did not attack.", "He attacked.", context="He did not attack before.")
    assert [fault.kind for fault in faults] == ["negation"]
