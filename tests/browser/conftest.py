"""A real JupyterLab and a real Chromium, one of each for all browser tests.

Fixtures:
    lab: a page in JupyterLab with `open_notebook`, `run_all`, `wait_idle`, `cell`, `outputs`.
    page: an empty page; requests that leave this machine are cut off, and kept in `page.remote`.

Where no Chromium is found the tests are skipped and say so; WORKBENCH_REQUIRE_BROWSER=1 makes that
a failure. `pytest_collection_modifyitems` puts the browser's tests last: Playwright keeps an event
loop in the main thread, in which other tests could not start theirs.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 90_000  # ms: a loaded machine is no failure

SETTINGS = {
    # Every cell is in the page, whether it is in view or not.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: HERE in item.path.parents)
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no Chromium on the PATH (looked for {', '.join(NAMES)})"
        if os.environ.get("WORKBENCH_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def chromium(chromium_path):
    """One Chromium for all tests; each test has a context of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


def is_local(url):
    parts = urllib.parse.urlsplit(url)
    return parts.scheme in ("data", "blob", "file", "about") or parts.hostname in (
        "localhost",
        "127.0.0.1",
    )


@pytest.fixture
def page(chromium):
    """An empty page, with `remote` (addresses it asked for elsewhere) and `errors` (uncaught)."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.remote = []
    page.errors = []

    def cut(route):
        page.remote.append(route.request.url)
        route.abort()

    context.route(lambda url: not is_local(url), cut)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()


class Server:
    """A JupyterLab of its own: port, token, settings and files are nobody else's."""

    def __init__(self, home):
        self.files = home / "files"
        self.files.mkdir()
        self.token = "for-the-tests-alone"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.folders = {
            "JUPYTER_CONFIG_DIR": home / "config",
            "JUPYTER_DATA_DIR": home / "data",
            "JUPYTER_RUNTIME_DIR": home / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": home / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
            "IPYTHONDIR": home / "ipython",
        }
        for folder in self.folders.values():
            folder.mkdir()
        for name, content in SETTINGS.items():
            path = self.folders["JUPYTERLAB_SETTINGS_DIR"] / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), "utf-8")
        self.log = []
        self.ready = threading.Event()

    def start(self):
        arguments = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.root_dir": self.files,
            "IdentityProvider.token": self.token,
            "LabApp.expose_app_in_browser": True,
            "LabApp.extension_manager": "readonly",
            "LabApp.news_url": None,
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser"]
        command += [f"--{name}={value}" for name, value in arguments.items()]
        self.process = subprocess.Popen(
            command,
            env={
                **os.environ,
                **{name: str(path) for name, path in self.folders.items()},
                "JUPYTER_PREFER_ENV_PATH": "1",
                "PYTHONPATH": str(ROOT),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.files,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        if not self.ready.wait(PATIENCE / 1000) or self.process.poll() is not None:
            self.stop()
            pytest.fail("JupyterLab did not start:\n" + "".join(self.log[-30:]))

    def _listen(self):
        for line in self.process.stderr:
            self.log.append(line)
            if "is running at" in line:
                self.ready.set()
        self.ready.set()  # it ended; start() looks at that

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ask(self, path, method="GET"):
        """One request to the server's own interface."""
        request = urllib.request.Request(
            f"{self.address}/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            body = reply.read()
        return json.loads(body) if body else None


@pytest.fixture(scope="session")
def jupyterlab(chromium_path, tmp_path_factory):
    """One JupyterLab for all tests; `files` is the folder it shows."""
    server = Server(tmp_path_factory.mktemp("lab"))
    server.start()
    yield server
    server.stop()


IDLE = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === "idle";
}"""

FINISHED = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const code = [...panel.content.model.cells].filter((cell) => cell.type === "code");
  const failed = code.some((cell) =>
    cell.outputs.toJSON().some((output) => output.output_type === "error"));
  const ran = code.every((cell) =>
    cell.sharedModel.getSource().trim() === "" ||
    (cell.executionCount !== null && cell.executionState !== "running"));
  return (ran || failed) && panel.sessionContext.session.kernel.status === "idle";
}"""

ERRORS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
  .filter((cell) => cell.type === "code")
  .flatMap((cell) => cell.outputs.toJSON())
  .filter((output) => output.output_type === "error")
  .map((output) => `${output.ename}: ${output.evalue}`)"""


class Lab:
    """A page in JupyterLab, and what a person does there."""

    def __init__(self, server, page):
        self.server = server
        self.page = page
        self.path = None

    def open_notebook(self, notebook, name=None, *, trusted=True):
        """Open a copy of a notebook and wait until its kernel is idle.

        `notebook` is a path, or a list of sources of code cells, or a notebook of nbformat. A
        notebook opened from elsewhere is untrusted in JupyterLab; `trusted` signs it.
        """
        import nbformat

        if isinstance(notebook, str | Path):
            name = name or Path(notebook).name
            notebook = nbformat.read(notebook, as_version=4)
        elif isinstance(notebook, list):
            cells = [nbformat.v4.new_code_cell(source) for source in notebook]
            notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        self.path = name or f"test{len(list(self.server.files.iterdir()))}.ipynb"
        target = self.server.files / self.path
        target.unlink(missing_ok=True)
        nbformat.write(notebook, target)
        if trusted:
            from nbformat.sign import NotebookNotary

            notary = NotebookNotary(data_dir=str(self.server.folders["JUPYTER_DATA_DIR"]))
            notary.sign(nbformat.read(target, as_version=4))
            notary.store.close()
        place = urllib.parse.quote(self.path)
        self.page.goto(
            f"{self.server.address}/lab/tree/{place}?reset&token={self.server.token}",
            wait_until="domcontentloaded",
        )
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell")
        self.wait_idle()
        return self

    def wait_idle(self):
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE)

    def run_all(self):
        """Run > Run All Cells; returns when all have run, and fails where one raised."""
        self.page.locator(".lm-MenuBar-item", has_text="Run").first.click()
        self.page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        self.page.wait_for_function(FINISHED, timeout=3 * PATIENCE)
        assert self.page.evaluate(ERRORS) == []

    def cell(self, index):
        """The cell with this number, from 0."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(index)

    def outputs(self, index):
        """What the cell with this number shows."""
        return self.cell(index).locator(".jp-OutputArea-output")


@pytest.fixture
def lab(jupyterlab, page):
    """An empty page that can open notebooks; their kernels end with the test."""
    yield Lab(jupyterlab, page)
    page.goto("about:blank")
    for session in jupyterlab.ask("api/sessions"):
        jupyterlab.ask(f"api/sessions/{session['id']}", "DELETE")
