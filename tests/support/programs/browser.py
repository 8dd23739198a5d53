"""Debian's Chromium without a window, driven by Selenium."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
"""Return the missing packages."""
_PATIENCE_SECONDS = 120


@contextmanager
def chromium(width: int = 1280, height: int = 1000) -> Iterator[webdriver.Chrome]:
    """A browser, whose logs tell of errors (`browser`) and of requests (`performance`)."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in ("headless=new", "hide-scrollbars", "disable-dev-shm-usage", f"window-size={width},{height}"):
        options.add_argument(f"--{argument}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own does not start as root
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The page of a server, in a browser."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        """Open it anew."""
        self.driver = driver
        driver.get_log("browser"), driver.get_log("performance")
        driver.get(f"{url}/")
        self.until(lambda: not self.text("health").startswith("asking"))

    def get(self, name: str) -> WebElement:
        """The element with this id."""
        return self.driver.find_element(By.ID, name)

    def all(self, selector: str) -> list[WebElement]:
        """Elements by CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, name: str) -> str:
        """What is seen of the element with this id."""
        return self.get(name).text

    def value(self, name: str) -> str:
        """What stands in a field."""
        return str(self.get(name).get_property("value"))

    def type(self, name: str, text: str) -> None:
        """Type into a field in place of what it holds."""
        field = self.get(name)
        field.clear()
        field.send_keys(text)

    def press(self, name: str) -> None:
        """Press a button, or open what is folded."""
        self.get(name).click()

    def unfold(self, name: str) -> None:
        """Open what is folded away around an element."""
        self.driver.execute_script("arguments[0].closest('details').open = true", self.get(name))

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for it."""
        WebDriverWait(self.driver, _PATIENCE_SECONDS, 0.05).until(lambda _driver: condition())

    def until_done(self) -> None:
        """Wait until nothing is searched or checked any more."""
        self.until(lambda: self.get("find").is_displayed())

    def requests(self) -> list[dict[str, object]]:
        """What the page has asked for since this was asked last: `url`, `method`, `headers`, `postData`."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [entry["params"]["request"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the browser has complained of, refused requests aside: violations of the policy, errors in scripts."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["source"] != "network"]
