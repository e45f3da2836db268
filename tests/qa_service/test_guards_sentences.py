"""Whole sentences of other subjects, in three languages: faithful ones pass, altered ones don't."""

import pytest

from qa_service.guards import check

# Claim, cited text, context.
FAITHFUL = [
    (
        "The company's revenue rose 12% to $3.4 billion in fiscal 2023.",
        "Revenue for fiscal year 2023 was 3.4 billion US dollars, up 12 percent from a year earlier.",
        "",
    ),
    (
        "Version 2.4 supports Python 3.11 and later.",
        "Since v2.4 the package requires Python 3.11 or newer.",
        "",
    ),
    ("The service times out after thirty seconds.", "The default timeout is 30 s (30 seconds).", ""),
    (
        "Marie Curie won the Nobel Prize in Physics in 1903.",
        "In 1903 she shared the Nobel Prize in Physics with her husband.",
        "Marie Curie was born in Warsaw.",
    ),
    (
        "Curie was the first woman to win it.",
        "She became the first woman to receive the prize.",
        "Marie Curie shared the Nobel Prize.",
    ),
    (
        "The bridge, 1,280 metres long, opened on 27 May 1937.",
        "It opened on May 27, 1937, with a main span of 4,200 feet (1,280 m).",
        "Golden Gate Bridge",
    ),
    ("The vaccine was about 95% effective.", "Efficacy was 94.6 percent in the trial.", ""),
    ("Users cannot delete archived projects.", "Archived projects can't be deleted by users.", ""),
    (
        "The council rejected the plan by a vote of 7 to 2.",
        "By seven votes to two, the council rejected the plan.",
        "",
    ),
    ("Apple released the iPhone in 2007.", "In 2007, Apple introduced its first smartphone, the iPhone.", ""),
    (
        "The drug isn't approved for children under twelve.",
        "It is not approved for use in children younger than 12 years.",
        "",
    ),
    (
        "According to the report, emissions fell by half between 1990 and 2020.",
        "Emissions decreased by 50 % from 1990 to 2020, the report said.",
        "",
    ),
    (
        "The Treaty of Rome established the EEC in 1957.",
        "In 1957 the European Economic Community was created by the Treaty of Rome.",
        "",
    ),
    (
        "Die Firma wurde 1998 von zwei Studenten in Kalifornien gegründet.",
        "Zwei Studenten gründeten das Unternehmen 1998 in Kalifornien.",
        "",
    ),
    (
        "Der Umsatz stieg um 12 Prozent auf 3,4 Milliarden Euro.",
        "Mit 3,4 Mrd. € lag der Umsatz 12 % über dem Vorjahr.",
        "",
    ),
    (
        "Goethe reiste 1786 nach Italien.",
        "Im Jahr 1786 brach er zu seiner Italienreise auf: Er reiste nach Italien.",
        "Johann Wolfgang von Goethe",
    ),
    (
        "Die Brücke wurde nicht fertiggestellt.",
        "Die Brücke blieb unvollendet; sie wurde nie fertiggestellt.",
        "",
    ),
    (
        "Merkel traf Macron am 3. März in Berlin.",
        "Am 3. März traf die Kanzlerin in Berlin den französischen Präsidenten Macron.",
        "Angela Merkel",
    ),
    (
        "Компания основана в 1998 году двумя студентами в Калифорнии.",
        "Два студента основали компанию в Калифорнии в 1998 г.",
        "",
    ),
    (
        "Выручка выросла на 12% до 3,4 млрд евро.",
        "Выручка составила 3,4 миллиарда евро, что на 12 процентов больше.",
        "",
    ),
    (
        "Пушкин родился в Москве 26 мая 1799 года.",
        "Поэт родился 26 мая 1799 г. в Москве.",
        "Александр Пушкин",
    ),
    ("Мост так и не был достроен.", "Мост не был достроен.", ""),
    ("Толстой жил в Ясной Поляне.", "Писатель жил в имении Ясная Поляна.", "Лев Толстой"),
    (
        "The committee had twelve members, three of whom were women.",
        "Three of the 12 committee members were women.",
        "",
    ),
    (
        "Napoleon's army crossed the Niemen on 24 June 1812 with some 600,000 men.",
        "On 24 June 1812 Napoleon's Grande Armée, about 600,000 strong, crossed the Neman.",
        "",
    ),
]


@pytest.mark.parametrize(("claim", "cited", "context"), FAITHFUL)
def test_a_faithful_claim_has_no_fault(claim: str, cited: str, context: str) -> None:
    assert check(claim, cited, context=context) == ()


# Claim, cited text, context, the kind of fault.
ALTERED = [
    (
        "The company's revenue rose 21% to $3.4 billion.",
        "Revenue was 3.4 billion US dollars, up 12 percent.",
        "",
        "number",
    ),
    (
        "The company's revenue rose 12% to $3.4 million.",
        "Revenue was 3.4 billion US dollars, up 12 percent.",
        "",
        "number",
    ),
    ("Version 2.5 supports Python 3.11.", "Since v2.4 the package requires Python 3.11.", "", "number"),
    ("The service times out after thirty minutes.", "The default timeout is 30 seconds.", "", "number"),
    (
        "Pierre Laurent won the Nobel Prize in Physics in 1903.",
        "In 1903 she shared the Nobel Prize in Physics.",
        "Marie Curie was born in Warsaw.",
        "name",
    ),
    ("The bridge opened on 27 March 1937.", "It opened on May 27, 1937.", "", "date"),
    ("Users can delete archived projects.", "Archived projects can't be deleted by users.", "", "negation"),
    (
        "The council rejected the plan by a vote of 7 to 3.",
        "By seven votes to two, the council rejected the plan.",
        "",
        "number",
    ),
    ("Samsung released the phone in 2007.", "In 2007, Apple released its first phone.", "", "name"),
    (
        "The drug is approved for children under twelve.",
        "It is not approved for use in children younger than 12 years.",
        "",
        "negation",
    ),
    ("Emissions fell between 1991 and 2020.", "Emissions decreased from 1990 to 2020.", "", "date"),
    (
        "The Treaty of Paris established the EEC in 1957.",
        "In 1957 the EEC was created by the Treaty of Rome.",
        "The Treaty of Paris came earlier.",
        "name",
    ),
    (
        "Die Firma wurde 1998 von drei Studenten gegründet.",
        "Zwei Studenten gründeten das Unternehmen 1998.",
        "",
        "number",
    ),
    (
        "Der Umsatz stieg um 12 Prozent auf 3,4 Millionen Euro.",
        "Mit 3,4 Mrd. € lag der Umsatz 12 % über dem Vorjahr.",
        "",
        "number",
    ),
    ("Goethe reiste 1788 nach Italien.", "Im Jahr 1786 reiste Goethe nach Italien.", "", "date"),
    ("Die Brücke wurde fertiggestellt.", "Die Brücke wurde nie fertiggestellt.", "", "negation"),
    ("Merkel traf Macron am 3. Mai in Berlin.", "Am 3. März traf Merkel in Berlin Macron.", "", "date"),
    (
        "Компания основана в 1998 году тремя студентами.",
        "Два студента основали компанию в 1998 г.",
        "",
        "number",
    ),
    (
        "Пушкин родился в Москве 26 июня 1799 года.",
        "Поэт родился 26 мая 1799 г. в Москве.",
        "Александр Пушкин",
        "date",
    ),
    ("Мост был достроен.", "Мост не был достроен.", "", "negation"),
    ("Толстой жил в Ялте.", "Писатель жил в имении Ясная Поляна.", "Лев Толстой", "name"),
    (
        "Выручка выросла на 12% до 3,4 млн евро.",
        "Выручка составила 3,4 миллиарда евро, что на 12 процентов больше.",
        "",
        "number",
    ),
    (
        "The committee had twelve members, two of whom were women.",
        "Three of the 12 committee members were women.",
        "",
        "number",
    ),
    ("Kutuzov's army crossed the Neman.", "Napoleon's army crossed the Neman.", "Kutuzov waited.", "name"),
    ("The lake is 350 m deep.", "The lake is 350 feet deep.", "", "number"),
]


@pytest.mark.parametrize(("claim", "cited", "context", "kind"), ALTERED)
def test_an_altered_claim_has_a_fault(claim: str, cited: str, context: str, kind: str) -> None:
    assert kind in {fault.kind for fault in check(claim, cited, context=context)}
