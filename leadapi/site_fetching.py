"""Fetches the files of a site that lies elsewhere, each only where it is new, and never more than asked for.

The site's web server knows each file by its ETag; what has not changed since is answered without its bytes. It may
be anybody's server by now, or a page of its host's: an answer is bounded, and never leads from https to http.
"""

from collections.abc import Mapping

import httpx2


class FetchedFiles:
    """The files below one address, by their names."""

    def __init__(self, site_url: str, client: httpx2.AsyncClient) -> None:
        self._site_url = site_url
        self._client = client
        self._etags: dict[str, str] = {}
        self._bodies: dict[str, str] = {}

    async def text(self, name: str, most: int) -> str:
        """A file that is asked for again and again; `most` bytes of it. Raises what httpx2 does, or ValueError."""
        headers = {"If-None-Match": self._etags[name]} if name in self._etags else {}
        data, etag = await self._answer(name, most, headers)
        if data is None:
            return self._bodies[name]
        self._bodies[name] = data.decode()
        self._etags.pop(name, None)
        if etag:
            self._etags[name] = etag
        return self._bodies[name]

    async def data(self, name: str, most: int) -> bytes:
        """A file that is asked for once. Raises as `text`."""
        data, _ = await self._answer(name, most, {})
        return data or b""

    async def _answer(self, name: str, most: int, headers: Mapping[str, str]) -> tuple[bytes | None, str | None]:
        """What the site sends, None where it has what we have, and its ETag."""
        url = f"{self._site_url}/{name}"
        async with self._client.stream("GET", url, headers=dict(headers), follow_redirects=True) as answer:
            if answer.url.scheme != httpx2.URL(url).scheme == "https":
                raise ValueError(f"{name} is sent on to {answer.url}, which is not https")
            if headers and answer.status_code == httpx2.codes.NOT_MODIFIED:
                return None, None
            answer.raise_for_status()
            received = bytearray()
            async for part in answer.aiter_bytes():
                received += part
                if len(received) > most:
                    raise ValueError(f"{name} is larger than {most} bytes")
            return bytes(received), answer.headers.get("etag")
