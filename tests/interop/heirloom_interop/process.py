"""Child processes that never outlive the test that started them."""

import subprocess


class Child:
    """A process with its output in a file; ended by `close`, by its own id and no other."""

    def __init__(self, command, log, stdin=subprocess.DEVNULL, **options):
        self.log = log
        self._file = open(log, "ab")
        self.process = subprocess.Popen(command, stdin=stdin, stderr=self._file, **options)

    def is_running(self):
        return self.process.poll() is None

    def tail(self, lines=15):
        """The end of its log, for messages about what failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def close(self, patience=10):
        """Asks it to end, and ends it when it does not; returns its exit code."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self._file.close()
        return code
