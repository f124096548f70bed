"""Names in the news that newsrooms spell in more than one way: groups to start lists with.

Only ever proposed: a rule finds another spelling where a person has put it into a list. Inflections and the
genitive need no entry of their own, nor do accents, hyphens and capitals.
"""

from __future__ import annotations

from collections.abc import Mapping

# Name of the list: the spellings of German, English, French and Spanish wires, then those of its own script.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "abbas": ("Mahmud Abbas", "Mahmoud Abbas", "Abu Mazen", "محمود عباس"),
    "al-qaida": ("Al-Qaida", "Al-Kaida", "Al-Qaeda", "Al Kaida", "Al Qaeda", "القاعدة"),
    "assad": ("Baschar al-Assad", "Bashar al-Assad",
              "Bachar el-Assad", "Bachar al-Assad", "بشار الأسد"),
    "chamenei": ("Ali Chamenei", "Ali Khamenei", "Ajatollah Chamenei",
                 "Ayatollah Khamenei", "Jamenei", "خامنئي"),
    "charkiw": ("Charkiw", "Charkow", "Kharkiv", "Kharkov", "Járkov", "Харків", "Харьков"),
    "erdogan": ("Recep Tayyip Erdoğan", "Tayyip Erdogan", "Präsident Erdogan"),
    "gaddafi": ("Gaddafi", "Ghaddafi", "Qaddafi", "Kadhafi", "Gadafi", "القذافي"),
    "hisbollah": ("Hisbollah", "Hizbollah", "Hezbollah", "Hizbullah", "Hezbolá", "حزب الله"),
    "huthi": ("Huthi", "Huthis", "Houthi", "Houthis", "Ansar Allah", "الحوثي", "الحوثيون"),
    "is": ("Islamischer Staat", "Islamic State", "État islamique",
           "Estado Islámico", "ISIS", "Daesh", "داعش"),
    "kiew": ("Kiew", "Kyjiw", "Kyiv", "Kiev", "Київ", "Киев"),
    "kim-jong-un": ("Kim Jong Un", "Kim Dschong Un", "Kim Chŏng-ŭn", "김정은", "金正恩", "Ким Чен Ын"),
    "lawrow": ("Sergej Lawrow", "Sergei Lawrow", "Sergei Lavrov",
               "Sergey Lavrov", "Serguei Lavrov", "Сергей Лавров"),
    "lukaschenko": ("Lukaschenko", "Lukashenko", "Loukachenko",
                    "Lukaschenka", "Лукашенко", "Лукашэнка"),
    "medwedew": ("Medwedew", "Medvedev", "Медведев"),
    "modi": ("Narendra Modi", "नरेन्द्र मोदी"),
    "nawalny": ("Nawalny", "Navalny", "Nawalnaja", "Navalnaya", "Navalni", "Навальный", "Навальная"),
    "netanjahu": ("Netanjahu", "Netanyahu", "Nétanyahou", "נתניהו"),
    "odessa": ("Odessa", "Odesa", "Одеса", "Одесса"),
    "putin": ("Putin", "Poutine", "Путин", "Путін"),
    "schoigu": ("Schoigu", "Shoigu", "Choïgou", "Шойгу"),
    "selenskyj": ("Selenskyj", "Selenski", "Selensky", "Zelensky",
                  "Zelenskyy", "Zelenskiy", "Zelenski", "Зеленський", "Зеленский"),
    "sisi": ("Abdel Fattah al-Sisi", "Abdel Fattah el-Sisi", "Abd al-Fattah as-Sisi", "السيسي"),
    "taiwan": ("Taiwan", "台湾", "台灣"),
    "tokajew": ("Tokajew", "Tokayev", "Tokaïev", "Токаев", "Тоқаев"),
    "xi-jinping": ("Xi Jinping", "Xi Dschinping", "习近平", "習近平", "Си Цзиньпин"),
}  # fmt: skip
