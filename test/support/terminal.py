"""Runs a command on a terminal of its own: its output to our stdout, our stdin to it, its exit code is ours.

usage: terminal.py ROWS COLUMNS COMMAND [ARG ...]
A chunk of input that is exactly 0x1e ROWS , COLUMNS 0x1e changes the window instead of being typed.
"""
import fcntl, os, pty, select, struct, sys, termios, re

rows, columns = int(sys.argv[1]), int(sys.argv[2])


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


pid, master = pty.fork()
if pid == 0:
    resize(0, rows, columns)
    os.execvp(sys.argv[3], sys.argv[3:])

sources = [master, 0]
ended = status = 0
while True:
    ready, _, _ = select.select(sources, [], [], 0.05)
    if not ready:
        # Something that the command left behind may hold the terminal open.
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b""
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            sources.remove(0)
            continue
        for part in re.split(b"(\x1e\\d+,\\d+\x1e)", data):
            if part.startswith(b"\x1e"):
                resize(master, *map(int, part.strip(b"\x1e").split(b",")))
            elif part:
                os.write(master, part)
if not ended:
    _, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256 if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
