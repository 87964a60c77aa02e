"""Chromium without a window, driven over a pipe by the protocol of its developer tools."""

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    "--remote-debugging-pipe",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def executable():
    """The browser: $CHROMIUM, or the first of its usual names that is installed."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, (
        f"no Chromium is installed ({', '.join(NAMES)}); apt-get install chromium, or set CHROMIUM to its path"
    )
    return found


class Chromium:
    """One browser with one page; `events` are those of the page, in order."""

    def __init__(self):
        self.profile = tempfile.mkdtemp()
        read_by_browser, self.output = os.pipe()
        self.input, written_by_browser = os.pipe()
        # The browser reads commands from descriptor 3 and answers on descriptor 4. Copies with high numbers are out of
        # the way of both.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (read_by_browser, written_by_browser)]
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(ends, 3)]
        silence = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        command = [executable(), *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = os.posix_spawn(command[0], command, os.environ, file_actions=[*actions, silence], setpgroup=0)
        for end in (read_by_browser, written_by_browser, *ends):
            os.close(end)
        self.last, self.left, self.session, self.events = 0, b"", None, []
        (page,) = [t for t in self.send("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        self.session = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.left:
            part = os.read(self.input, 1 << 20)
            assert part, "Chromium ended"
            self.left += part
        text, _, self.left = self.left.partition(b"\0")
        return json.loads(text)

    def send(self, method, **parameters):
        """Send a command, and give its result; events that come before it are kept."""
        self.last += 1
        command = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data) :]
        while (answer := self.message()).get("id") != self.last:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def wait_for(self, method):
        """Wait for an event that has not come yet."""
        while True:
            event = self.message()
            self.events.append(event)
            if event.get("method") == method:
                return event["params"]

    def open(self, path, width=1280, height=900, scheme="light"):
        """Open a file, or an address, and wait until it has drawn itself."""
        self.events.clear()
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=path if isinstance(path, str) else path.absolute().as_uri())
        if not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.wait_for("Page.loadEventFired")
        self.settle()

    def settle(self):
        """Wait until what was asked for is on the screen."""
        self.js("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def js(self, expression):
        """The value of an expression; a promise is waited for."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def mouse(self, kind, x, y, **more):
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start, stop):
        """Press at one place, move, and let go at another."""
        self.mouse("mousePressed", *start, button="left", clickCount=1, buttons=1)
        self.mouse("mouseMoved", *stop, button="left", buttons=1)
        self.mouse("mouseReleased", *stop, button="left", clickCount=1)
        self.settle()

    def press(self, key, **more):
        """Press a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **more)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def complaints(self):
        """Everything that the page or the browser wrote to the console, and every uncaught error."""
        methods = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self.events if event.get("method") in methods]

    def requests(self):
        """The addresses that the page asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def screenshot(self, path, whole=True):
        """Write a picture of the page."""
        picture = self.send("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        path.write_bytes(base64.b64decode(picture["data"]))

    def close(self):
        os.killpg(self.process, signal.SIGKILL)  # the group that was made for it: the browser and its children
        os.waitpid(self.process, 0)
        os.close(self.input)
        os.close(self.output)
        shutil.rmtree(self.profile, ignore_errors=True)
