"""Packaging of mailpanel; the tools' options stand in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = next(
    line.split('"')[1]
    for line in (HERE / "mailpanel" / "__init__.py").read_text().splitlines()
    if line.startswith("__version__")
)

RUNTIME = [
    "aiosmtplib>=5",
    "alembic>=1.18",
    "argon2-cffi>=25.1",
    "Chameleon>=4.6",
    "click>=8.2",
    "colander>=2.0",
    "deform>=3.0.1",
    "idna>=3.10",
    "PasteDeploy>=3.1",
    "PyNaCl>=1.6",
    "pyotp>=2.9",
    "pyramid>=2.1",
    # pyramid and deform import pkg_resources: later ones warn of it at each start, and 81 has
    # it no longer.
    "segno>=1.6.6",
    "setuptools<80.9",
    "sqlalchemy>=2.1",
    "waitress>=3.0.2",
]
POSTGRESQL = ["psycopg[binary]>=3.2.4"]
# A private Postfix with a strict relay of its own, to look at the product with.
PLAYGROUND = ["aiosmtpd>=1.4.6", "trustme>=1.2.1"]
TESTS = [
    # With axe-core (MPL-2.0) in it; both drive Debian's Chromium.
    "axe-playwright-python>=0.1.8",
    # Makes the catalogues of the pages' words, which are in the repository as they are installed.
    "babel>=2.18",
    "hypothesis>=6.150",
    "mypy>=2.0",
    "packaging>=26",
    "playwright>=1.65",
    "pytest>=9.0",
    "pytest-timeout>=2.4",
    "pytest-xdist>=3.8",
    "requests>=2.32",
    "ruff>=0.15",
    "schemathesis>=4.32",
    "WebTest>=3.0.7",
]

setup(
    name="mailpanel",
    version=VERSION,
    description="A settings panel for mail servers that run Postfix and Dovecot",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["mailpanel", "mailpanel.*"]),
    package_data={
        "mailpanel": [
            "py.typed",
            "services/common_passwords.txt",
            "migrations/*",
            "migrations/versions/*",
            "templates/**/*.pt",
            "static/**/*",
            "locale/**/*",
        ]
    },
    zip_safe=False,
    install_requires=RUNTIME,
    extras_require={
        "playground": PLAYGROUND,
        "postgresql": POSTGRESQL,
        "tests": PLAYGROUND + POSTGRESQL + TESTS,
    },
    entry_points={
        "paste.app_factory": ["main = mailpanel:main"],
        "console_scripts": ["mailpanel = mailpanel.cli:main"],
    },
)
