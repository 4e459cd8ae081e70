"""One inline style that a policy can name, one script, and files that may be kept for ever."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from jinja2 import TemplateRuntimeError
from playwright.sync_api import Browser, Route
from small_sites import ALICE, MINIMAL_TEMPLATES, ROOT, MakeSite, RunPelican, post, theme_folder, write_files

from leadapi import guards
from plugins.assets import minified_script, read_theme
from plugins.mistakes import ContentMistakes
from plugins.security_policy import PolicyMistake, check_netlify, content_security_policy

HEAD = "<!doctype html><html lang=en><title>t</title>{{ style() }}<script src={{ script_url() }} defer></script>"
FILES = {"articles/trust.md": post("On Trust"), "authors/alice-archer.md": ALICE}
STATIC = {
    "css/print.css": "@media print { nav { display: none } }",
    "css/site.css": "/* loud */ body { color: var(--ink); }\n",
    "css/tokens.css": ":root { --ink: #123456; }",
    "js/site.js": "'use strict';\nconst answer = 40 + 2; // talk\ndocument.title = `${answer}`;",
    "js/dev/reload.js": "new EventSource('/dev/reload');",
    "images/logo.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "fonts/book.woff2": "font",
}


@pytest.fixture
def theme(tmp_path: Path) -> Path:
    """A theme whose every page has the style and the script."""
    templates = {**MINIMAL_TEMPLATES, "article.html": HEAD, "index.html": HEAD + "{{ asset('images/logo.svg') }}"}
    write_files(tmp_path / "theme", {f"templates/{name}": text for name, text in templates.items()})
    for name, text in STATIC.items():
        (tmp_path / "theme/static" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "theme/static" / name).write_text(text)
    return tmp_path / "theme"


def test_every_page_has_the_same_style_and_its_hash_is_told(make_site: MakeSite, theme: Path) -> None:
    """Tokens come first, then the site's style, then the others; a policy with the hash allows it."""
    output = make_site(FILES, THEME=str(theme))
    pages = [(output / name).read_text() for name in ("index.html", "on-trust/index.html")]
    styles = [style for page in pages for style in re.findall(r"<style>(.*?)</style>", page, re.DOTALL)]
    assert styles == [":root{--ink:#123456}body{color:var(--ink)}@media print{nav{display:none}}"] * 2
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert f'"style_hash": "sha256-{digest}"' in (output / "public-index.json").read_text()


def test_the_scripts_are_one_file_whose_name_changes_with_its_content(make_site: MakeSite, theme: Path) -> None:
    """A browser may keep the script for ever, since a changed one has another address."""
    names = []
    for text in (STATIC["js/site.js"], "'use strict';\ndocument.title = 'other';"):
        (theme / "static/js/site.js").write_text(text)
        output = make_site(FILES, THEME=str(theme))
        [script] = (output / "theme/js").iterdir()
        data = script.read_bytes()
        assert script.name == f"site.{hashlib.sha256(data).hexdigest()[:8]}.js"
        assert f"/theme/js/{script.name}" in (output / "index.html").read_text()
        names.append(script.name)
    assert names[0] != names[1]


def test_raw_files_are_not_published_and_others_have_fingerprints(make_site: MakeSite, theme: Path) -> None:
    """Everything below /theme/ has its content's hash in its name; templates find it by its plain name."""
    output = make_site(FILES, THEME=str(theme))
    files = (path.relative_to(output).as_posix() for path in (output / "theme").rglob("*.*"))
    published = sorted(name for name in files if not name.startswith("theme/cards/"))  # another plugin's
    assert [re.sub(r"\.[0-9a-f]{8}\.", ".", name) for name in published] == [
        "theme/fonts/book.woff2",
        "theme/images/logo.svg",
        "theme/js/site.js",
    ]
    assert all(re.search(r"\.[0-9a-f]{8}\.", name) for name in published)
    assert f"/{published[1]}" in (output / "index.html").read_text()


def test_the_reload_script_is_for_development_alone(theme: Path) -> None:
    """Only with LIVE_RELOAD does the script listen for new builds."""
    shipped = [read_theme(theme / "static", live_reload).files for live_reload in (False, True)]
    found = [any(b"EventSource" in data for data in files.values()) for files in shipped]
    assert found == [False, True]


def test_a_style_finds_its_fonts_from_every_page(theme: Path) -> None:
    """An address in a style counts from its file; in the pages it counts from the site's root."""
    (theme / "static/css/site.css").write_text(
        "@font-face { font-family: b; src: url('../fonts/book.woff2') } i { background: url(data:,x) }"
    )
    read = read_theme(theme / "static", False)
    assert read.addresses["fonts/book.woff2"] in read.style
    assert "data:,x" in read.style


def test_a_style_that_names_a_missing_file_is_told_with_its_line(theme: Path) -> None:
    """The build stops and says which line of which style."""
    (theme / "static/css/site.css").write_text("b { color: red }\ni { background: url(../images/gone.svg) }")
    with pytest.raises(ContentMistakes, match=r"css/site\.css:2: There is no theme/static/images/gone\.svg"):
        read_theme(theme / "static", False)


def test_a_template_that_asks_for_a_missing_file_is_told(theme: Path) -> None:
    """asset() names the file that is not there."""
    with pytest.raises(TemplateRuntimeError, match=r"theme/static/images/gone\.svg"):
        read_theme(theme / "static", False).asset("images/gone.svg")


def test_the_policy_is_the_services_own() -> None:
    """The site's half and the service's half say the same of a page."""
    assert content_security_policy("sha256-x") == guards.content_security_policy("sha256-x")
    elsewhere = content_security_policy("sha256-x", "https://leads.example.com/base")
    assert (
        "connect-src 'self' https://leads.example.com; form-action 'self' https://leads.example.com;" in elsewhere
    )


def netlify(folder: Path, policy: str) -> Path:
    """A netlify.toml with this policy on its fourth line."""
    path = folder / "netlify.toml"
    path.write_text(f'[[headers]]\nfor = "/*"\n[headers.values]\nContent-Security-Policy = "{policy}"\n')
    return path


def test_a_netlify_policy_that_fits_is_let_through(tmp_path: Path) -> None:
    """The right hash passes, with sources of the operator's own; so does a site without the file."""
    own = content_security_policy("sha256-x").replace("img-src", "img-src https://pictures.example.com")
    check_netlify(netlify(tmp_path, own), "sha256-x", "")
    check_netlify(tmp_path / "none.toml", "sha256-x", "")


@pytest.mark.parametrize(
    ("style_hash", "api_url", "told"),
    [
        ("sha256-new", "", "style-src 'self' 'sha256-new'."),
        (
            "sha256-x",
            "https://a.example.com/",
            "connect-src 'self' https://a.example.com; form-action 'self' https",
        ),
    ],
)
def test_a_netlify_policy_that_does_not_fit_is_told_with_the_right_value(
    tmp_path: Path, style_hash: str, api_url: str, told: str
) -> None:
    """One sentence: file, line, and what it must say."""
    path = netlify(tmp_path, content_security_policy("sha256-x"))
    with pytest.raises(PolicyMistake, match=r"netlify\.toml:4: ") as raised:
        check_netlify(path, style_hash, api_url)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_production_build_stops_at_a_stale_policy_and_keeps_the_last_site(
    run_pelican: RunPelican, tmp_path: Path
) -> None:
    """The sentence alone is printed, the exit code says so, and nothing was deleted."""
    minimal = str(theme_folder(tmp_path, "minimal"))
    first = run_pelican(FILES, "-t", minimal)
    assert first.returncode == 0, first.stdout
    path = netlify(tmp_path, content_security_policy("sha256-old"))
    done = run_pelican(FILES, "-t", minimal, "-e", f'NETLIFY_TOML="{path}"', "DELETE_OUTPUT_DIRECTORY=true")
    assert done.returncode == 1
    assert re.fullmatch(
        r"\S*netlify\.toml:4: The Content-Security-Policy does not fit this site; it must say: "
        r"style-src 'self' 'sha256-[A-Za-z0-9+/]{43}='\. Nothing was built\.\n",
        done.stderr,
    ), done.stderr
    assert (tmp_path / "output/on-trust/index.html").exists()


def test_a_script_stays_strict() -> None:
    """The directive is kept, which minifying drops."""
    assert minified_script("'use strict';\nvar x = 1;\nalert(x)").startswith('"use strict";')


@pytest.mark.browser
def test_the_minified_script_sends_a_form(browser: Browser) -> None:
    """What the theme's own script does, it does minified: a form is sent, and the thanks take its place."""
    read = read_theme(ROOT / "theme/static", live_reload=True)
    script = read.files[read.script_url.removeprefix("/")].decode()
    sent = []

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.post_data)
            route.fulfill(status=202, json={"status": "accepted", "message": "Thank you, alice."})
        else:
            form = "<form data-enhance=lead action=/api/leads><input id=e name=email><button>Send</button></form>"
            route.fulfill(content_type="text/html", body=f"<main id=main>{form}</main><script>{script}</script>")

    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/*", answer)
    page.goto("http://blog.example.com/")
    page.fill("input", "alice@example.com")
    page.click("button")
    page.get_by_text("Thank you, alice.").wait_for()
    page.close()
    assert "email=alice%40example.com" in str(sent[0]) and "submission_id=" in str(sent[0])
    assert errors == []


@pytest.mark.browser
def test_a_browser_that_holds_the_policy_shows_the_style_and_no_other(browser: Browser) -> None:
    """The hash is that of the element as a browser reads it, for the theme's own style."""
    read = read_theme(ROOT / "theme/static", live_reload=False)
    styles = f"{read.style_element}<style>p {{ color: red }}</style>"
    body = f"<!doctype html><meta charset=utf-8><title>t</title>{styles}<p>text</p>"
    headers = {"Content-Security-Policy": content_security_policy(read.style_hash), "Content-Type": "text/html"}
    page = browser.new_page()
    page.route("**/*", lambda route: route.fulfill(headers=headers, body=body.encode()))
    page.goto("http://blog.example.com/")
    step = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--step')")
    colour = page.evaluate("getComputedStyle(document.querySelector('p')).color")
    page.close()
    assert step == "1.6rem" and colour != "rgb(255, 0, 0)"
