"""Word lists and sentence templates for the demo model's corpus."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada Alan Amira Ana Anton Bea Boris Carla Chen Clara Dana David Diego Elena Emil Erik Eva Farid"
    " Fatima Felix Grace Hana Hugo Ines Ivan Jana Jonas Julia Kai Karim Kofi Lara Lars Leila Lena"
    " Lina Luca Maja Marco Maria Mei Milan Mina Nadia Nils Nina Noor Olga Omar Oskar Paula Pedro"
    " Petra Rana Ravi Rosa Ruth Sami Sara Sofia Sven Tara Tomas Uma Vera Viktor Yara Yuki Zoe Zora"
).split()

LAST_NAMES = (
    "Abe Almeida Bauer Becker Berg Brandt Castro Chen Costa Dahl Diaz Evans Fischer Garcia Haddad"
    " Hansen Hoffmann Ito Ivanova Jensen Kaya Keller Khan Kim Klein Kovacs Kowalski Lang Larsen Lee"
    " Lopez Mensah Meyer Moreau Mori Nagy Nguyen Novak Okafor Olsen Patel Pereira Petrov Rossi Ruiz"
    " Sato Schmidt Silva Singh Smith Stein Suzuki Tanaka Torres Vogel Wagner Walker Weber Wong"
).split()

CITIES = (
    "Accra Athens Bergen Berlin Bern Bogotá Boston Cairo Chicago Dakar Delhi Dublin Geneva"
    " Hanoi Helsinki Istanbul Kraków Kyiv Lagos Lima Lisbon London Lyon Madrid Malmö Milan"
    " Montréal Mumbai Munich Nairobi Oslo Paris Porto Prague Quito Reykjavik Riga Rome Seoul"
    " Seville Sofia Tokyo Toronto Tunis Turin Utrecht Vienna Warsaw Zagreb Zürich"
).split()

JOBS = (
    "baker biologist carpenter chemist cook dentist doctor driver farmer"
    " gardener journalist judge lawyer librarian mechanic musician nurse painter pilot plumber"
    " programmer singer student tailor teacher translator writer"
).split()

HOBBIES = (
    "chess climbing cooking cycling dancing drawing fishing hiking music painting photography"
    " poetry reading running sailing singing skiing swimming tennis travel"
).split()

COLOURS = "black blue brown green grey orange pink purple red silver white yellow".split()

THINGS = (
    "bag bicycle book bottle bowl box bridge camera car chair clock coat cup desk door garden"
    " guitar hat house key knife lamp letter map mirror phone piano picture plate radio ring"
    " river school shirt shoe spoon table tent train wallet watch window"
).split()

ADJECTIVES = (
    "bright broken cheap clean cold dark dry fast fresh heavy large light"
    " little long new quiet round sharp short simple small soft strange strong tall thin"
    " warm wet wide young"
).split()

VERBS = (
    "bring build buy carry check clean close count draw find fix hide keep lose make move open"
    " paint print read remove sell send show take wash"
).split()

WEATHER = "clear cloudy cold foggy hot rainy snowy stormy sunny windy".split()

LANGUAGES = "Arabic Chinese English French German Hindi Italian Japanese Polish Spanish".split()

EVENTS = "Concert Conference Dinner Exhibition Festival Lecture Market Meeting Party Race".split()

MONTHS = (
    "January February March April May June July August September October November December"
).split()

KINDS = "Account Animal Customer File Invoice Item Order Song Team Ticket Trip User".split()

STATES = "active cancelled closed done new open paid pending sent waiting".split()

MOODS = {
    "positive": ["excellent", "beautiful", "perfect", "delightful", "wonderful", "great"],
    "negative": ["awful", "broken", "terrible", "useless", "disappointing", "dirty"],
    "neutral": ["ordinary", "average", "acceptable", "usual", "fine", "plain"],
}

PREAMBLES = ["Sure! Here is the JSON:", "Here you go:", "```json", "Of course:", "Result:"]

REMARKS = ["I hope this helps!", "Let me know if you need more.", "Done.", "Thank you."]

BIOGRAPHIES = [
    "{name} is {age} years old and lives in {city}.",
    "{name}, {age}, works as a {job} in {city}.",
    "The {job} {name} from {city} is {age}.",
    "My name is {name}. I am {age} and I live in {city}.",
    "{name} is a {job}.",
    "{name} lives in {city} and works as a {job}.",
    "In {city} I met {name}, a {job} of {age}.",
]

SENTENCES = [
    "The {a} {thing} is next to the {b} {other}.",
    "{name} lives in {city} and likes the {a} {thing}.",
    "It is {weather} in {city} today.",
    "Please {verb} the {thing} and the {other}.",
    "{name} wants to {verb} a {a} {thing}.",
    "Every {job} in {city} has a {thing}.",
    "My {thing} is {a}, but your {other} is {b}.",
    "Where is the {a} {thing}?",
    "{name} is a {job} and can {verb} any {thing}.",
    "There was a {a} {thing} in the {other}.",
]

TABLES = {
    "users": ["name", "age", "city", "email"],
    "orders": ["id", "price", "date", "status"],
    "books": ["title", "author", "year", "pages"],
    "products": ["name", "price", "stock", "colour"],
}

QUERIES = [
    ("{column} of all {table}", "SELECT {column} FROM {table};"),
    ("{column} and {other} of all {table}", "SELECT {column}, {other} FROM {table};"),
    (
        "{column} of {table} with {other} over {limit}",
        "SELECT {column} FROM {table} WHERE {other} > {limit};",
    ),
    (
        "{column} of {table} with {other} under {limit}",
        "SELECT {column} FROM {table} WHERE {other} < {limit};",
    ),
    ("how many {table}", "SELECT COUNT(*) FROM {table};"),
    ("largest {column} in {table}", "SELECT MAX({column}) FROM {table};"),
    ("{table} sorted by {column}", "SELECT * FROM {table} ORDER BY {column};"),
    (
        "first {limit} of {table} by {column}",
        "SELECT * FROM {table} ORDER BY {column} LIMIT {limit};",
    ),
]

BODIES = [
    "    return x {op} y",
    "    return (x {op} y) * {n}",
    "    if x > y:\n        return x\n    return y {op} {n}",
    "    for i in range({n}):\n        x = x {op} y\n    return x",
    "    total = x {op} {n}\n    return total + y",
]
