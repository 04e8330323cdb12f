"""Put a report under a pull request of GitHub or a merge request of GitLab, in place of the one put there before.

    python scripts/comment.py REPORT

The first line of the report is a marker, by which its own earlier comment is found; comments of others are left alone.
GitHub: ``GITHUB_API_URL``, ``GITHUB_REPOSITORY``, ``NUMBER`` and ``GH_TOKEN`` (may write pull requests). GitLab:
``CI_API_V4_URL``, ``CI_MERGE_REQUEST_PROJECT_ID``, ``CI_MERGE_REQUEST_IID`` and ``GITLAB_TOKEN`` (scope ``api``).
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PAGE = 100
Comment = Mapping[str, object]


@dataclass(frozen=True)
class Place:
    """Where comments are listed and made, where one is replaced (by which method), and which are ours."""

    comments: str
    one: str
    method: str
    headers: Mapping[str, str]
    is_ours: Callable[[Comment], bool]


def github() -> Place:
    """Return the pull request; a job's comments there are made by a bot."""
    api = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    return Place(
        comments=f"{api}/{int(os.environ['NUMBER'])}/comments",
        one=f"{api}/comments/{{}}",
        method="PATCH",
        headers={"Authorization": f"Bearer {os.environ['GH_TOKEN']}", "Accept": "application/vnd.github+json"},
        is_ours=lambda comment: _of(comment, "user", "type") == "Bot",
    )


def gitlab() -> Place:
    """Return the merge request; ours are the comments of the token's own user."""
    api = os.environ["CI_API_V4_URL"]
    request = f"merge_requests/{int(os.environ['CI_MERGE_REQUEST_IID'])}"
    headers = {"PRIVATE-TOKEN": os.environ["GITLAB_TOKEN"]}
    me = ask("GET", f"{api}/user", headers)
    comments = f"{api}/projects/{int(os.environ['CI_MERGE_REQUEST_PROJECT_ID'])}/{request}/notes"
    own = me.get("id") if isinstance(me, dict) else None
    return Place(comments, comments + "/{}", "PUT", headers, lambda comment: _of(comment, "author", "id") == own)


def _of(comment: Comment, who: str, what: str) -> object:
    person = comment.get(who)
    return person.get(what) if isinstance(person, dict) else None


def ask(method: str, address: str, headers: Mapping[str, str], content: object = None) -> object:
    """Send a request and return the JSON of the answer. Raises URLError."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json", **headers}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 the CI's own address
        return json.load(answer)


def listed(place: Place) -> Iterator[Comment]:
    """Give all comments, page after page."""
    page = 1
    while True:
        found = ask("GET", f"{place.comments}?per_page={_PAGE}&page={page}", place.headers)
        comments = found if isinstance(found, list) else []
        yield from comments
        if len(comments) < _PAGE:
            return
        page += 1


def put(place: Place, text: str) -> str:
    """Replace our comment with this marker, or make one; return what was done."""
    marker = text.partition("\n")[0]
    for comment in listed(place):
        if place.is_ours(comment) and str(comment.get("body")).partition("\n")[0].rstrip("\r") == marker:
            ask(place.method, place.one.format(comment["id"]), place.headers, {"body": text})
            return "updated"
    ask("POST", place.comments, place.headers, {"body": text})
    return "made"


def main() -> None:
    """Put the report named on the command line."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    try:
        place = github() if "GITHUB_API_URL" in os.environ else gitlab()
        print(f"the comment was {put(place, text)}")
    except KeyError as error:
        sys.exit(f"the variable {error.args[0]} is not set; the head of scripts/comment.py says which are needed")
    except urllib.error.HTTPError as error:
        sys.exit(f"the comment was refused: {error.code} {error.reason}; may the token write comments?")
    except urllib.error.URLError as error:
        sys.exit(f"the comment could not be sent: {error.reason}")


if __name__ == "__main__":
    main()
