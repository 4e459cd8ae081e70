"""Publishing: nothing that is not meant for the world, the same bytes each time, and never half a site."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from built_site import POST, SITE_URL, WHITEPAPER, Site, run_publish
from project_copy import ROOT, clean_environment, write_post

SECRET = "Zanzibar-7391"
DOT = bytes.fromhex(  # a PNG of one pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


def everything(folder: Path) -> dict[str, bytes]:
    """Each file's bytes, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_nowhere(folder: Path, *marks: str) -> None:
    """No file's name or text has one of the marks."""
    for name, data in everything(folder).items():
        for mark in marks:
            assert mark.lower() not in name.lower(), name
            assert mark.lower().encode() not in data.lower(), name


@pytest.mark.parametrize(("status", "date"), [("draft", "2012-06-02"), ("published", "2999-01-01")])
def test_what_is_not_published_is_nowhere(project: Path, tmp_path: Path, status: str, date: str) -> None:
    """A draft and a future post leave no trace: no page, no mention, nothing that they attach."""
    (project / "content" / "articles" / f"{SECRET}-plan.png").write_bytes(DOT)
    text = f"The {SECRET} text.\n\n![A plan]({{attach}}{SECRET}-plan.png)\n"
    write_post(project, f"{SECRET.lower()}-post", text, status=status, date=date)
    done = run_publish(tmp_path / "output", project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_nowhere(tmp_path / "output", SECRET)


def test_a_hidden_post_is_at_its_own_address_alone(project: Path, tmp_path: Path) -> None:
    """Whoever has the address can read it; no list, feed, sitemap or index names it."""
    slug = f"{SECRET.lower()}-post"
    write_post(project, slug, "For those who know.", status="hidden")
    done = run_publish(tmp_path / "output", project)
    assert done.returncode == 0, done.stdout + done.stderr
    page = Site(tmp_path / "output").page(f"/{slug}/")
    assert [meta.get("content") for meta in page.all("meta", name="robots")] == ["noindex"]
    assert not [form for form in page.all("form") if form.get("action") == "/api/comments"]
    shutil.rmtree(tmp_path / "output" / slug)
    assert_nowhere(tmp_path / "output", slug)


def test_the_whitepapers_text_and_pdf_are_not_public(published: Site) -> None:
    """The site offers the whitepaper and does not hold it."""
    source = (ROOT / "content" / "whitepapers" / f"{WHITEPAPER.strip('/').split('/')[-1]}.md").read_text()
    body = source.split("\n---\n", 1)[1]
    sentences = [line for line in body.splitlines() if len(line) > 80 and line[0].isalpha()]
    assert len(sentences) > 20
    files = everything(published.folder)
    plain = {name: re.sub(r"<[^>]+>", "", data.decode(errors="replace")) for name, data in files.items()}
    starts = [sentence[:60] for sentence in sentences]
    assert [(name, start) for name, text in plain.items() for start in starts if start in text] == []
    assert [name for name, data in files.items() if name.endswith(".pdf") or data.startswith(b"%PDF")] == []


def test_two_builds_are_byte_identical(published: Site, tmp_path: Path) -> None:
    """The same commit gives the same bytes."""
    done = run_publish(tmp_path / "output", PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = everything(published.folder), everything(tmp_path / "output")
    assert sorted(first) == sorted(second)
    assert [name for name, data in first.items() if second[name] != data] == []


def plain_pelican(project: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Publish into `home/output` without any script of ours."""
    command = [sys.executable, "-m", "pelican", "content", "-s", "publishconf.py", "-o", str(home / "output")]
    var = str(home / "var")
    environment = clean_environment(SITE_URL=SITE_URL, VAR_DIR=var, LEADAPI_WHITEPAPER_DIR=f"{var}/whitepapers")
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_plain_pelican_publishes_the_same_site(published: Site, tmp_path: Path) -> None:
    """`pelican content -s publishconf.py -o DIR` needs no script of ours."""
    done = plain_pelican(ROOT, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert everything(tmp_path / "output") == everything(published.folder)


@pytest.mark.parametrize(
    "mistake", ["[whitepaper: nobody-wrote-it]", "[x]({filename}nope.md)", "![A chart]({static}/images/nope.png)"]
)
def test_a_mistake_costs_plain_pelican_nothing(project: Path, tmp_path: Path, mistake: str) -> None:
    """A mistake that is found after all posts were read leaves the last good site as it was, too."""
    (tmp_path / "output" / "trust").mkdir(parents=True)
    (tmp_path / "output" / "trust" / "index.html").write_text("the last good site")
    write_post(project, "a-broken-post", mistake)
    done = plain_pelican(project, tmp_path)
    assert done.returncode == 1 and "content/articles/a-broken-post.md:11: " in done.stderr, done.stderr
    assert everything(tmp_path / "output") == {"trust/index.html": b"the last good site"}


def test_nothing_stale_stays_where_plain_pelican_publishes(project: Path, published: Site, tmp_path: Path) -> None:
    """What an earlier build wrote and this one does not is gone: pages, pictures, links and empty folders."""
    output = tmp_path / "output"
    (output / "taken-back" / "deep").mkdir(parents=True)
    (output / "taken-back" / "deep" / "index.html").write_text("no longer public")
    (output / "index.html").write_text("the last front page")
    (output / "linked").symlink_to(project)
    done = plain_pelican(ROOT, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert everything(output) == everything(published.folder)
    assert not (output / "taken-back").exists() and not (output / "linked").is_symlink()
    assert (project / "content").is_dir()


def test_a_failed_publish_leaves_the_last_site_and_tells_the_mistake(project: Path, tmp_path: Path) -> None:
    """An author's mistake is told with file and line, without a traceback; output/ stays as it was."""
    output = tmp_path / "output"
    assert run_publish(output, project).returncode == 0
    before = everything(output)
    write_post(project, "a-broken-post", "Fine so far.\n\n[whitepaper: nobody-wrote-it]\n")
    done = run_publish(output, project)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "content/articles/a-broken-post.md:13:" in said and "nobody-wrote-it" in said
    assert "Traceback" not in said and len(said.splitlines()) <= 3
    assert everything(output) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".output.versions", "output", "project", "var"]


def test_a_broken_template_is_told_with_its_line(project: Path, tmp_path: Path) -> None:
    """Whoever works on the theme is told where the mistake is, in one line."""
    with (project / "theme" / "templates" / "article.html").open("a") as template:
        template.write("\n{% block more %}{{ nothing.at.all }}{% endblock %}{% bad %}\n")
    done = run_publish(tmp_path / "output", project)
    assert done.returncode == 1
    assert re.search(r"theme/templates/article\.html:\d+: ", done.stderr), done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_changed_style_is_told_before_netlify_would_block_it(project: Path, tmp_path: Path) -> None:
    """netlify.toml names the style's hash; when the style changes, publishing says what to put there."""
    with (project / "theme" / "static" / "css" / "site.css").open("a") as style:
        style.write("\n@layer components { .quite-new { color: red; } }\n")
    done = run_publish(tmp_path / "output", project)
    assert done.returncode == 1
    right = re.search(r"style-src 'self' '(sha256-[A-Za-z0-9+/=]+)'", done.stderr)
    assert right, done.stderr
    text = (project / "netlify.toml").read_text()
    (project / "netlify.toml").write_text(re.sub(r"sha256-[A-Za-z0-9+/=]+", right[1], text))
    assert run_publish(tmp_path / "output", project).returncode == 0


def test_a_preview_asks_search_engines_to_stay_away(tmp_path: Path) -> None:
    """On Netlify's deploy previews each page has noindex and its own address."""
    preview = "https://deploy-preview-7--blog.example.com"
    done = run_publish(tmp_path / "output", CONTEXT="deploy-preview", SITE_URL=preview)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in Site(tmp_path / "output").pages:
        assert [meta.get("content") for meta in page.all("meta", name="robots")] == ["noindex"], page.address
    assert preview in (tmp_path / "output" / "feed.atom").read_text()


def test_a_service_elsewhere_must_be_in_the_policy(project: Path, tmp_path: Path) -> None:
    """With API_URL at another address the forms go there, and publishing says when the policy would forbid it."""
    api = "https://leads.example.org"
    refused = run_publish(tmp_path / "output", project, API_URL=api)
    assert refused.returncode == 1 and "netlify.toml:" in refused.stderr and api in refused.stderr
    text = (project / "netlify.toml").read_text()
    for directive in ("connect-src", "form-action"):
        text = text.replace(f"{directive} 'self'", f"{directive} 'self' {api}")
    (project / "netlify.toml").write_text(text)
    done = run_publish(tmp_path / "output", project, API_URL=api)
    assert done.returncode == 0, done.stdout + done.stderr
    actions = {form.get("action") for form in Site(tmp_path / "output").page(POST).all("form")}
    assert actions == {f"{api}/api/leads", f"{api}/api/comments"}
