"""Takes the pictures in docs/images anew: the web page and the report of a batch, of a real server with the shipped models.

    .venv/bin/python -m docs.screenshots

Needs Chromium and its driver (Debian: chromium, chromium-driver), and some minutes.
"""

import contextlib
import io
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.support.programs.browser import MISSING, Page, chromium

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
ANY = "127.0.0.1:0"
LEANSIEVE = [sys.executable, "-m", "service"]
THEOREM = "theorem twice {α : Type} (xs : List α) :\n  (xs ++ xs).length = 2 * xs.length"
MOST_COLOURS = 256  # a page has few, and its picture is small


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """Addresses of gRPC and of HTTP."""
    flags = ["--listen", ANY, "--http", ANY, "--metrics=", "--model=shipped", "--workers=1", "--log-level=error"]
    command = [*LEANSIEVE, "serve", *flags, "--store", str(folder / "store.sqlite")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address, url, _ready = (process.stdout.readline().split() for _ in range(3))
            yield address[-1], url[-1]
        finally:
            process.send_signal(signal.SIGTERM)


def batch(address: str, folder: Path) -> Path:
    """The report of a batch over examples/."""
    command = [*LEANSIEVE, "batch", "examples", "--out", str(folder), "--server", address]
    subprocess.run([*command, "--proofs", "4", "--seconds", "30", "--focus", "0"], cwd=ROOT, check=False)
    return folder / "report.html"


def taught(url: str) -> str:
    """The id of a classroom with two learners, one of whom is stuck."""
    theorems = {
        "swap": "theorem swap (p q : Prop) (h : p ∧ q) : q ∧ p",
        "zero": "theorem zero (n : Nat) : 0 + n = n",
    }
    work = {"Ann": ("by\n  constructor", "by\n  exact ⟨h.2, h.1⟩"), "Bob": ("by\n  constructor\n  · exact h.1",)}
    with httpx.Client(base_url=f"{url}/v1", timeout=120) as web:
        stated = [{"id": name, "theorem": {"statement": statement}} for name, statement in theorems.items()]
        opened = web.post("/create-classroom", json={"label": "Logic, first week", "theorems": stated}).json()
        for name, proofs in work.items():
            joining = {"joinCode": opened["classroom"]["joinCode"], "displayName": name}
            key = web.post("/join-classroom", json=joining).json()["learnerKey"]
            for proof in proofs:
                asked = {"learnerKey": key, "theoremId": "swap", "proof": proof}
                web.post("/suggest-classroom-hint", json=asked).raise_for_status()
    return str(opened["classroom"]["id"])


def take(driver: webdriver.Chrome, name: str, height: int, dark: bool = False) -> None:
    """Write what the browser shows to docs/images."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    size = {"width": 1200, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_script("scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB").quantize(MOST_COLOURS)
    IMAGES.mkdir(exist_ok=True)
    picture.save(IMAGES / name, optimize=True)
    print(IMAGES / name, (IMAGES / name).stat().st_size, "bytes")


def main() -> None:
    """Take them all."""
    if MISSING:
        sys.exit(f"there is no {' and no '.join(MISSING)} here: on Debian, apt install chromium chromium-driver")
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as (address, url):
        report = batch(address, Path(name) / "batch")
        with chromium() as driver:
            page = Page(driver, url)
            page.type("statement", THEOREM)
            page.type("proofs", "4")
            page.type("samples", "300")
            page.get("focus").send_keys(Keys.HOME)
            page.press("find")
            page.until_done()
            take(driver, "page.png", 1000)
            page.press("server")
            page.until(lambda: "Models" in page.text("about"))
            take(driver, "page-status.png", 700, dark=True)
            classroom = Page(driver, url)
            classroom.press("tab-teach")
            classroom.type("class-id", taught(url))
            classroom.press("find-class")
            classroom.until(lambda: "finished" in classroom.text("learners"))
            classroom.all("#learners button")[1].click()
            classroom.until(lambda: classroom.text("one-learner"))
            take(driver, "page-teach.png", 1000)
            driver.get(report.as_uri())
            take(driver, "report.png", 1000)


if __name__ == "__main__":
    main()
