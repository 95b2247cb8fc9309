"""Months and weekdays, English and Amharic; the Amharic ones are spelled as in Unicode's CLDR."""

ENGLISH_DAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
AMHARIC_DAYS = ("ሰኞ", "ማክሰኞ", "ረቡዕ", "ሐሙስ", "ዓርብ", "ቅዳሜ", "እሑድ")
# The Gregorian months, as Amharic writes them.
AMHARIC_GREGORIAN_MONTHS = (
    "ጃንዋሪ", "ፌብሩዋሪ", "ማርች", "ኤፕሪል", "ሜይ", "ጁን", "ጁላይ", "ኦገስት", "ሴፕቴምበር",
    "ኦክቶበር", "ኖቬምበር", "ዲሴምበር",
)  # fmt: skip
ETHIOPIAN_MONTHS = (
    "መስከረም", "ጥቅምት", "ኅዳር", "ታኅሣሥ", "ጥር", "የካቲት", "መጋቢት", "ሚያዝያ", "ግንቦት", "ሰኔ",
    "ሐምሌ", "ነሐሴ", "ጳጉሜን",
)  # fmt: skip
