# VERSION: 1.00
# AUTHORS: Heirloom
"""qBittorrent's search asks a Heirloom node. Made by that node: it holds its address and its key."""

import json
import urllib.parse
import urllib.request

try:
    from novaprinter import prettyPrinter
except ImportError:  # outside qBittorrent
    def prettyPrinter(row):
        names = ("link", "name", "size", "seeds", "leech", "engine_url", "desc_link", "pub_date")
        print("|".join(str(row[name]).replace("|", " ") for name in names))


class heirloom(object):
    url = "@BASE@"
    name = "Heirloom"
    supported_categories = {
        "all": "",
        "anime": "5070",
        "books": "7000",
        "movies": "2000",
        "music": "3000",
        "software": "4000",
        "tv": "5000",
    }

    _key = "@KEY@"
    # Results of one page, and most pages: as many as the node gives.
    _page = 100
    _pages_max = 10

    def search(self, what, cat="all"):
        for page in range(self._pages_max):
            question = {
                "t": "search",
                "q": urllib.parse.unquote_plus(what),
                "o": "json",
                "offset": page * self._page,
                "limit": self._page,
                "apikey": self._key,
            }
            if self.supported_categories.get(cat):
                question["cat"] = self.supported_categories[cat]
            address = "%s/torznab/api?%s" % (self.url, urllib.parse.urlencode(question))
            with urllib.request.urlopen(address, timeout=60) as answer:
                items = json.load(answer)["channel"]["item"]
            for item in items:
                facts = {}
                for attribute in item["attr"]:
                    facts.setdefault(attribute["@attributes"]["name"], attribute["@attributes"]["value"])
                seeds, peers = int(facts.get("seeders", -1)), int(facts.get("peers", -1))
                prettyPrinter({
                    "link": facts["magneturl"],
                    "name": item["title"],
                    "size": "%s B" % facts.get("size", -1),
                    "seeds": seeds,
                    "leech": peers - seeds if peers >= 0 and seeds >= 0 else -1,
                    "engine_url": self.url,
                    "desc_link": item["comments"],
                    "pub_date": -1,
                })
            if len(items) < self._page:
                return
