"""The names of a claim: in any spelling, and not in the place of another name."""

import pytest

from qa_service.guards import check


def name_faults(claim: str, cited: str, *, context: str = "", question: str = "") -> list[str]:
    return [
        fault.text
        for fault in check(claim, cited, context=context, question=question)
        if fault.kind == "name"
    ]


CARRIED = [
    # spelling, accents, transliteration
    ("In Tokyo they met Lyushkov.", "In Tokyo they met Liushkov."),
    ("In Tokyo they met Ljuschkow.", "In Tokyo they met Lyushkov."),
    ("The review by Kirichenko is old.", "The old review is by Кириченко."),
    ("They shot the officer Хвостов there.", "There they shot the officer Khvostov."),
    ("The battle of Bialystok was lost.", "The battle of Białystok was lost."),
    ("The envoy Wassilewski spoke.", "The envoy Vasilevsky spoke."),
    ("They asked Umezu's staff.", "They asked the staff of Umezu."),
    ("The letters of K. Rodzaevsky were lost.", "The letters of Konstantin Rodzaevsky were lost."),
    ("The letters of Konstantin Rodzaevsky were lost.", "The letters of K. V. Rodzaevsky were lost."),
    # people and places, long forms and acronyms
    ("The army of Japan withdrew.", "The Japanese army withdrew."),
    ("The Japanese army withdrew.", "The army of Japan withdrew."),
    ("The Polish archive was burnt.", "The archive of Poland was burnt."),
    ("The Italian fleet sailed.", "The fleet of Italy sailed."),
    ("The pact with the USSR was signed.", "The pact with the Soviet Union was signed."),
    ("The pact with the Soviet Union was signed.", "The pact with the USSR was signed."),
    ("Troops of the United States landed.", "U.S. troops landed."),
    ("He joined the RFP in spring.", "In spring he joined the Russian Fascist Party."),
    ("He joined the Russian Fascist Party in spring.", "In spring he joined the RFP."),
    ("It was after the Second World War.", "It was after World War II."),
    ("The Ambassador was late.", "The ambassador was late."),
    # capitals without a name
    ("Signing the pact took days.", "It took days to sign the pact."),
    ("Heavy losses were reported.", "They reported severe losses."),
    ("Soldiers were sent home.", "The men were sent home."),
    ("However, the men were sent home.", "The men were sent home."),
    ("Evidence was destroyed by fire.", "Papers were destroyed by fire."),
    ("He said: “They were sent home.”", "He said that they were sent home."),
    ("No, I was sent home.", "I was sent home."),
    ("- The men were sent home.", "The men were sent home."),
    # nouns, which German capitalises
    ("Der Vertrag wurde im Frühjahr unterzeichnet.", "Sie unterzeichneten den Pakt im Frühjahr."),
    ("Die Zustimmung der Behörde war nötig.", "Wer bleiben wollte, musste die Behörde fragen."),
    ("Stalins Befehl war geheim.", "Der Befehl von Stalin war geheim."),
    ("Die Armee zog sich aus Angst zurück.", "Die Armee zog sich zurück, weil sie sich fürchtete."),
    ("Er sprach mit dem Botschafter Sato.", "Er sprach mit Botschafter Sato."),
    ("Die Truppen verließen das Land ohne Waffen.", "Die Soldaten verließen das Land unbewaffnet."),
    ("Die japanische Armee floh.", "Die Armee der Japaner floh."),
    # cases, which Russian has six of
    ("Жену Люшкова отправили в Сибирь.", "Люшков бежал, а его жена попала в лагерь: её отправили в Сибири."),
    ("Приказ Василевского был тайным.", "Василевский издал тайный приказ."),
    ("Он жил в Харбине.", "Он приехал в Харбин и там жил."),
    ("Армия Японии отступила.", "Японская армия отступила."),
    ("Договор с СССР подписали.", "Подписали договор с Советским Союзом."),
    ("Однако он уехал в Москву.", "Он уехал из Москвы, а затем вернулся: дом был там."),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "cited"), CARRIED)
def test_a_name_is_carried_in_every_form(claim: str, cited: str) -> None:
    assert name_faults(claim, cited) == []


ALTERED = [
    ("They arrested Ivar Lissner there.", "They arrested Richard Sorge there.", ["Ivar Lissner"]),
    ("His wife Vera was ill.", "His wife Inna was ill.", ["Vera"]),
    ("The archive is in Kraków, Poland.", "The archive is in Warsaw, Poland.", ["Kraków"]),
    ("Zhukov was appointed in spring.", "Vasilevsky was appointed in spring.", ["Zhukov"]),
    ("Zhukov ordered the retreat.", "He ordered the retreat.", ["Zhukov"]),
    ("Zhukov's army retreated.", "His army retreated.", ["Zhukov"]),
    ("The German army withdrew.", "The Japanese army withdrew.", ["German"]),
    ("German troops withdrew.", "Japanese troops withdrew.", ["German"]),
    ("He joined the NKVD in spring.", "He joined the RFP in spring.", ["NKVD"]),
    ("They met Tanaka Shiro.", "They met Tanaka Giichi.", ["Shiro"]),
    ("The Ural district was secret.", "The Siberian district was secret.", ["Ural"]),
    ("They landed on Sakhalin by night.", "They landed on Hokkaido by night.", ["Sakhalin"]),
    ("He lived in Harbin.", "He lived in Mukden.", ["Harbin"]),
    ("The Tokyo office was closed.", "The Osaka office was closed.", ["Tokyo"]),
    ("Er lebte in Harbin.", "Er lebte in Mukden.", ["Harbin"]),
    ("Der Befehl kam von General Schukow.", "Der Befehl kam von General Umezu.", ["Schukow"]),
    ("Man verhaftete Ivar Lissner.", "Man verhaftete Richard Sorge.", ["Lissner"]),
    ("Das Büro wurde von Stalin geschlossen.", "Das Büro wurde von Molotow geschlossen.", ["Stalin"]),
    ("Приказ Жукова был тайным.", "Приказ Василевского был тайным.", ["Жукова"]),
    ("Он жил в Мукдене.", "Он жил в Харбине.", ["Мукдене"]),
    ("Жуков издал тайный приказ.", "Василевский издал тайный приказ.", ["Жуков"]),
    ("Люшков бежал в Маньчжурию.", "Сорге бежал в Маньчжурию.", ["Люшков"]),
]


@pytest.mark.parametrize(("claim", "cited", "faults"), ALTERED)
def test_another_name_is_a_fault(claim: str, cited: str, faults: list[str]) -> None:
    found = name_faults(claim, cited)
    assert any(fault in each for fault in faults for each in found)


def test_the_context_supplies_the_name_that_a_pronoun_stands_for() -> None:
    assert (
        name_faults("Zhukov ordered the retreat.", "He ordered the retreat.", context="Zhukov arrived.") == []
    )


def test_the_heading_supplies_the_name_that_a_noun_stands_for() -> None:
    assert (
        name_faults("The Neutrality Pact was signed.", "The pact was signed.", context="The Neutrality Pact")
        == []
    )


def test_the_question_supplies_its_own_spelling() -> None:
    assert (
        name_faults("They took Dalian by night.", "They took the port by night.", question="Who took Dalian?")
        == []
    )


def test_a_name_next_door_does_not_displace_another_in_the_cited_text() -> None:
    assert name_faults(
        "The Soviet military burnt his papers.",
        "The Japanese military burnt his papers.",
        context="He wrote much on Soviet affairs.",
    ) == ["Soviet"]


def test_a_name_in_the_question_does_not_displace_another_in_the_cited_text() -> None:
    assert name_faults(
        "He won in Korea.", "He won at Khalkhin Gol.", question="Which battle did he win in Korea?"
    ) == ["Korea"]


def test_a_name_is_not_displaced_when_its_place_is_also_a_pronouns() -> None:
    assert (
        name_faults(
            "Vasilevsky was appointed commander.",
            "He was appointed commander and Zhukov was appointed deputy.",
            context="Vasilevsky arrived.",
        )
        == []
    )


def test_a_name_left_in_latin_letters_is_looked_up_whatever_the_language() -> None:
    assert name_faults("По данным Hanada, он уехал.", "He left, according to Coox.") == ["Hanada"]
    assert name_faults("По данным Hanada, он уехал.", "He left, according to Hanada.") == []


def test_translated_names_are_not_compared() -> None:
    assert (
        check("Японская армия сожгла рукописи Люшкова.", "The Japanese military burnt his manuscripts.") == ()
    )
    assert (
        check("Ein Russe brauchte die Zustimmung des Amtes.", "A Russian needed the bureau’s approval.") == ()
    )
