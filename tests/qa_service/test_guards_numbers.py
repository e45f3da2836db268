"""The numbers of a claim: the same in any spelling, and in the cited text alone."""

import pytest

from qa_service.guards import check


def number_faults(claim: str, cited: str, *, context: str = "", question: str = "") -> list[str]:
    return [
        fault.text
        for fault in check(claim, cited, context=context, question=question)
        if fault.kind == "number"
    ]


CARRIED = [
    # the same number, written otherwise
    ("The union had 20,000 members.", "The union had twenty thousand members."),
    ("The union had 20 000 members.", "The union had 20,000 members."),
    ("The union had 20.000 members.", "The union had 20,000 members."),
    ("The union had 20k members.", "The union had 20,000 members."),
    ("The budget was 1.5 million.", "The budget was 1,500,000."),
    ("The budget was $1.5 million.", "The budget was US$1,500,000."),
    ("The budget was 1.5 bn euros.", "The budget was €1,500,000,000."),
    ("They lost three hundred and forty-two ships.", "They lost 342 ships."),
    ("They lost 342 ships.", "They lost three hundred forty two ships."),
    ("A dozen eggs broke.", "Twelve eggs broke."),
    ("Half of the members left.", "50 % of the members left."),
    ("The depth is 1½ metres.", "The depth is 1.5 metres."),
    ("He sat in the 18th Congress.", "He sat in the eighteenth Congress."),
    ("He sat in the XVIII Congress.", "He sat in the 18th Congress."),
    ("The 21st regiment fled.", "The twenty-first regiment fled."),
    ("It is 20 per cent larger.", "It is 20% larger."),
    ("It is 5 km long.", "It is 5 kilometres long."),
    ("It is 5 km long.", "It is 5,000 m long."),
    ("It covers 12 km².", "It covers 12 square kilometres."),
    ("The trip took two weeks.", "The trip took 14 days."),
    ("She was 11 years old.", "Her daughter, aged 11, was ill."),
    ("She was 11 years old.", "Her 11-year-old daughter was ill."),
    ("Between 10 and 20 km of road were built.", "They built 10-20 km of road."),
    ("The fine is 5 million roubles.", "The fine is 5 to 10 million roubles."),
    ("Two leaders were held.", "Both leaders were held."),
    ("World War II ended.", "The Second World War ended."),
    ("He was wounded twice.", "He was wounded two times."),
    ("Nineteen settlements were Cossack.", "There were 19 large Cossack settlements.32"),
    ("The T-34 was built there.", "They built the T-34."),
    # German and Russian
    ("Es gab 22 Divisionen.", "Es gab zweiundzwanzig Divisionen."),
    ("Es waren 330.000 Gefangene.", "Es waren dreihundertdreißigtausend Gefangene."),
    ("Das Budget betrug 1,5 Millionen Euro.", "Das Budget betrug 1.500.000 €."),
    ("Er sprach auf dem 18. Parteitag.", "Er sprach auf dem achtzehnten Parteitag."),
    ("Seine elfjährige Tochter war krank.", "Seine Tochter, 11 Jahre alt, war krank."),
    ("Die Hälfte der Mitglieder ging.", "50 Prozent der Mitglieder gingen."),
    ("Было взято 330 000 пленных.", "Было взято триста тридцать тысяч пленных."),
    ("Там было сорок дивизий.", "Там было 40 дивизий."),
    ("Союз насчитывал 20 тыс. человек.", "Союз насчитывал двадцать тысяч человек."),
    ("Его одиннадцатилетняя дочь болела.", "Его 11-летняя дочь болела."),
    ("Он выступил на XVIII съезде.", "Он выступил на восемнадцатом съезде."),
    ("Штраф составил 5 млн рублей.", "Штраф составил 5 000 000 руб."),
    ("Он говорил с двумя офицерами.", "Там были два офицера."),
    # another language: digits and words still compare
    ("Es gab 22 Divisionen.", "There were twenty-two divisions."),
    ("Было взято 330 000 пленных.", "Germany captured 330,000 prisoners."),
    ("有22个师。", "There were 22 divisions."),
    # not a count of anything
    ("Second, the treaty was signed.", "The treaty was signed."),
    ("One of the leaders was held.", "A leader was held."),
    ("It was the first such treaty.", "No such treaty had been signed before; it was a novelty."),
    ("They landed in three cities: Harbin, Mukden and Dairen.", "They landed in Harbin, Mukden and Dairen."),
    # a rounded number that says so
    ("About 40 divisions were there.", "Thirty-nine divisions were there."),
    ("More than 300,000 men were taken.", "They took 330,000 men."),
    ("Thousands of men were taken.", "They took 3,300 men."),
    ("Rund 40 Divisionen standen dort.", "Dort standen 39 Divisionen."),
    ("Около 40 дивизий стояли там.", "Там стояли 39 дивизий."),
    ("Kalinin's remark bears footnote 34.", "“It would not be dangerous,” said Kalinin.³⁴"),
    ("Shelf mark I.303.4.2015 is in Warsaw.", "See Warsaw, I.303.4.2015."),
]


@pytest.mark.parametrize(("claim", "cited"), CARRIED)
def test_a_number_is_carried_however_it_is_written(claim: str, cited: str) -> None:
    assert number_faults(claim, cited) == []


ALTERED = [
    ("The union had 21,000 members.", "The union had 20,000 members."),
    ("The union had 2,000 members.", "The union had 20,000 members."),
    ("The union had twelve thousand members.", "The union had twenty thousand members."),
    ("The budget was 1.5 billion.", "The budget was 1.5 million."),
    ("The budget was €5 million.", "The budget was $5 million."),
    ("They lost 324 ships.", "They lost three hundred and forty-two ships."),
    ("It is 20 per cent larger.", "It is 25% larger."),
    ("Some 20 per cent fled.", "Some 20 ships fled."),
    ("It is 50 km long.", "It is 50 miles long."),
    ("It is 5 km long.", "It is 5 m long."),
    ("He sat in the 17th Congress.", "He sat in the 18th Congress."),
    ("He sat in the XVII Congress.", "He sat in the XVIII Congress."),
    ("They advanced on two fronts.", "They advanced on three fronts."),
    ("They advanced on one front.", "They advanced on three fronts."),
    ("Three other leaders were held for a month.", "Two other leaders were held for three months."),
    ("They took 20 tanks and 30 guns.", "They took 30 tanks and 20 guns."),
    ("She was 12 years old.", "Her 11-year-old daughter was ill."),
    ("The trip took three weeks.", "The trip took 14 days."),
    ("Half of the members left.", "A quarter of the 60 members left."),
    ("A dozen eggs broke.", "Ten eggs broke."),
    ("There were 18 prisoners.", "The prisoners came on September 18, 1945."),
    ("There were 32 schools.", "He headed the school.32 Others came later."),
    ("There were 17 battles.", "It was called an “empty victory.”¹⁷"),
    ("About 45 divisions were there.", "Thirty-nine divisions were there."),
    ("About 38 divisions were there.", "Thirty-nine divisions were there."),
    ("More than 300,000 men were taken.", "They took 280,000 men."),
    ("Millions of men were taken.", "They took 3,300 men."),
    ("They landed in four cities: Harbin, Mukden and Dairen.", "They landed in Harbin, Mukden and Dairen."),
    ("He was wounded twice.", "He was wounded three times."),
    ("The T-43 was built there.", "They built the T-34."),
    ("Shelf mark I.303.5.2015 is in Warsaw.", "See Warsaw, I.303.4.2015."),
    ("Es gab 23 Divisionen.", "Es gab zweiundzwanzig Divisionen."),
    ("Es waren 300.000 Gefangene.", "Es waren dreihundertdreißigtausend Gefangene."),
    ("Das Budget betrug 1,5 Milliarden Euro.", "Das Budget betrug 1,5 Millionen Euro."),
    ("Er sprach auf dem 17. Parteitag.", "Er sprach auf dem achtzehnten Parteitag."),
    ("Seine zwölfjährige Tochter war krank.", "Seine elfjährige Tochter war krank."),
    ("Drei Gruppen landeten.", "Vier Gruppen landeten."),
    ("Было взято 33 000 пленных.", "Было взято триста тридцать тысяч пленных."),
    ("Там было пятьдесят дивизий.", "Там было 40 дивизий."),
    ("Он выступил на XVII съезде.", "Он выступил на восемнадцатом съезде."),
    ("Штраф составил 5 млрд рублей.", "Штраф составил 5 млн рублей."),
    ("Он говорил с тремя офицерами.", "Там были два офицера."),
    ("Es gab 23 Divisionen.", "There were twenty-two divisions."),
    ("Было взято 350 000 пленных.", "Germany captured 330,000 prisoners."),
    ("有23个师。", "There were 22 divisions."),
]


@pytest.mark.parametrize(("claim", "cited"), ALTERED)
def test_another_number_is_a_fault(claim: str, cited: str) -> None:
    assert number_faults(claim, cited)


def test_the_fault_shows_the_number_with_the_word_behind_it() -> None:
    assert number_faults("They advanced on two fronts.", "They advanced on three fronts.") == ["two fronts"]


def test_a_number_next_door_is_no_evidence() -> None:
    assert number_faults(
        "The union had 20,000 members.", "The union was strong.", context="It had 20,000 members."
    ) == ["20,000 members"]


def test_the_premise_of_the_question_is_no_evidence_for_a_number() -> None:
    assert number_faults(
        "The four cities were in Manchuria.",
        "The cities were in Manchuria.",
        question="Where are the four cities?",
    ) == ["four cities"]


def test_the_name_of_a_source_may_stand_in_the_context() -> None:
    faults = check("Source 002_06b7.txt says so of it.", "He says so of it.", context="002_06b7.txt")
    assert faults == ()


def test_the_name_of_an_unknown_source_is_a_fault() -> None:
    faults = check("Source 003_06b7.txt says so of it.", "He says so of it.", context="002_06b7.txt")
    assert [(fault.kind, fault.text) for fault in faults] == [("name", "003_06b7.txt")]


@pytest.mark.parametrize(
    ("claim", "cited", "faults"),
    [
        ("It has 10⁶ cells.", "It has 10⁶ cells.", []),
        ("It has 106 cells.", "It has 10⁶ cells.", ["106 cells"]),
        ("It has 10⁶ cells.", "It has 106 cells.", ["10⁶", "10 cells"]),
        ("It has 5 × 10⁶ cells.", "It has 5 × 10³ cells.", ["10⁶"]),
        ("It is 10⁻³ m long.", "It is 10⁻³ m long.", []),
        ("It is 10⁻³ m long.", "It is 10⁻⁶ m long.", ["10⁻³"]),
        ("They lost 42 ships.", "They lost 42¹ ships.", []),
        ("They lost 10 ships.", "They lost 10² ships.", []),
        ("They lost 421 ships.", "They lost 42¹ ships.", ["421 ships"]),
    ],
)
def test_superscripts_are_no_part_of_the_number_before_them(
    claim: str, cited: str, faults: list[str]
) -> None:
    assert number_faults(claim, cited) == faults
