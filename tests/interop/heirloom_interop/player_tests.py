"""Films over HTTP, in other people's players: ffprobe, ffmpeg, mpv and VLC read them from the middle while they arrive."""

import json
import os
import subprocess
import urllib.request

from . import wait

WORK = "imdb:tt1254207"
SECONDS = 24
SECONDS_MAX = 120


def make_film(folder, *, index_first):
    """Lawful video with sound: a test picture and a tone, its index at the beginning or at the end."""
    folder.mkdir(parents=True)
    film = folder / "film.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"]
        + ["-f", "lavfi", "-i", "sine=frequency=440", "-t", str(SECONDS)]
        + ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-b:v", "4M", "-c:a", "aac"]
        + (["-movflags", "+faststart"] if index_first else [])
        + [str(film)],
        check=True,
        timeout=SECONDS_MAX,
    )
    return film


def newcomer_beside(t, film):
    """A node that follows whoever published a film, and knows of it: (node, infohash)."""
    network = t.network(1)
    curator = t.node("curator", "127.0.2.1").start(network.bootstrap())
    published = curator.publish(film, WORK, "Big Buck Bunny", 2008)
    newcomer = t.node("newcomer", "127.0.2.2").start(network.bootstrap())
    newcomer.cli("follow", curator.key(), "--yes")

    def is_known():
        shown = newcomer.cli("show", WORK, "--wait", "10", codes=(0, 1, 3))
        return any(release["infohash"] == published["infohash"] for release in shown.get("releases", []))

    wait.until(is_known, SECONDS_MAX, "the newcomer to know the release", 0.5)
    return newcomer, published["infohash"]


def frames(source, start):
    """Hashes of a second of frames from a moment on."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-ss", str(start), "-i", str(source), "-t", "1", "-map", "0:v", "-f", "framemd5", "-"],
        capture_output=True, text=True, check=True, timeout=SECONDS_MAX,
    )
    return [line.split(",")[-1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def vlc_takes(url, start, stop):
    """What VLC demuxes between two moments: codecs and seconds. It refuses to be root, so it is nobody then."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    played = subprocess.run(
        nobody + ["env", "HOME=/nonexistent", "cvlc", "--sout", "#std{access=file,mux=ts,dst=-}"]
        + [f"--start-time={start}", f"--stop-time={stop}", "--play-and-exit", url],
        capture_output=True, timeout=SECONDS_MAX,
    )
    assert played.returncode == 0 and played.stdout, played.stderr.decode(errors="replace")
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time:stream=codec_name", "-of", "json", "-"],
        input=played.stdout, capture_output=True, check=True, timeout=SECONDS_MAX,
    )
    probed = json.loads(probed.stdout)
    times = [float(packet["pts_time"]) for packet in probed["packets"] if "pts_time" in packet]
    return {"codecs": [stream["codec_name"] for stream in probed["streams"]], "seconds": max(times) - min(times)}


SUBTITLES = {
    "film.en.srt": "1\n00:00:01,000 --> 00:00:03,000\n<i>Hello</i> there\n\n2\n00:00:16,000 --> 00:00:20,000\nand on\n",
    "film.de.ass": "[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:03.00,{\\i1}Guten Tag{\\i0}, Welt\n",
}


def check_subtitles(playing):
    """Each is read by ffprobe as WebVTT, and mpv takes one beside the film."""
    assert {one["language"] for one in playing["subtitles"]} == {"en", "de"}, playing
    for one in playing["subtitles"]:
        probed = subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time:stream=codec_name", "-of", "json", one["url"]],
            capture_output=True, text=True, check=True, timeout=SECONDS_MAX,
        )
        probed = json.loads(probed.stdout)
        assert [stream["codec_name"] for stream in probed["streams"]] == ["webvtt"], probed
        assert float(probed["packets"][0]["pts_time"]) == 1.0, probed
    english = next(one["url"] for one in playing["subtitles"] if one["language"] == "en")
    shown = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", f"--sub-file={english}", "--start=15", "--length=3"]
        + ["--msg-level=cplayer=v", playing["url"]],
        capture_output=True, text=True, timeout=SECONDS_MAX,
    )
    assert shown.returncode == 0 and "(webvtt)" in shown.stdout, shown.stdout + shown.stderr


def check_players(t, *, index_first):
    film = make_film(t.folder / "source", index_first=index_first)
    for name, content in SUBTITLES.items():
        (film.parent / name).write_text(content)
    newcomer, infohash = newcomer_beside(t, film.parent)
    playing = newcomer.cli("play", WORK)
    assert playing["infohash"] == infohash and playing["type"] == "video/mp4", playing
    url = playing["url"]

    # From the middle first, where nothing is yet.
    middle = frames(url, SECONDS * 2 / 3)
    assert len(middle) == 25 and middle == frames(film, SECONDS * 2 / 3), middle
    probed = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_name", "-of", "json", url],
        capture_output=True, text=True, check=True, timeout=SECONDS_MAX,
    )
    probed = json.loads(probed.stdout)
    assert abs(float(probed["format"]["duration"]) - SECONDS) < 0.5, probed
    assert [stream["codec_name"] for stream in probed["streams"]] == ["h264", "aac"], probed
    played = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", "--start=16", "--length=3", url],
        capture_output=True, text=True, timeout=SECONDS_MAX,
    )
    assert played.returncode == 0 and "Exiting... (End of file)" in played.stdout, played.stdout + played.stderr
    taken = vlc_takes(url, 16, 18)
    assert {"h264", "aac"} <= set(taken["codecs"]) and 1 < taken["seconds"] < 4, taken
    check_subtitles(playing)
    with urllib.request.urlopen(url, timeout=SECONDS_MAX) as answer:
        assert answer.headers["Content-Type"] == "video/mp4"
        assert answer.read() == film.read_bytes()


def test_players_read_a_film_from_the_middle(t):
    check_players(t, index_first=True)


def test_players_read_a_film_whose_index_is_at_the_end(t):
    check_players(t, index_first=False)
