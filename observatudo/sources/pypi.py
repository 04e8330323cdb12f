"""Downloads one file of one package version with pip's own finder. Run as a process: ``python -m`` this module.

``pip download`` is not used: for a source archive it runs the package's build to learn its metadata, and a
package taken for its data must never run. pip's finder and session are what finds and fetches the file there
too, so the user's index, proxies, certificates and credentials hold. They are pip's internals: the
lock pins pip, and a test downloads through them. In a process of their own because pip reconfigures logging.
"""

from __future__ import annotations

import sys
from optparse import Values

from pip._internal.cli.req_command import with_cleanup
from pip._internal.cli.status_codes import SUCCESS
from pip._internal.commands.download import DownloadCommand
from pip._internal.exceptions import DistributionNotFound
from pip._internal.network.download import Downloader
from pip._vendor.packaging.specifiers import SpecifierSet

FORMATS = {"wheel": ["--only-binary", ":all:"], "sdist": ["--no-binary", ":all:"]}


class FileCommand(DownloadCommand):
    """``pip download`` up to the file, and no further: nothing is unpacked, built or resolved."""

    @with_cleanup
    def run(self, options: Values, args: list[str]) -> int:
        name, version = args
        session = self.get_default_session(options)
        finder = self._build_package_finder(options, session, ignore_requires_python=True)
        found = finder.find_best_candidate(name, SpecifierSet(f"==={version}")).best_candidate
        if found is None:
            raise DistributionNotFound(f"no matching file of {name} {version} in the package index")
        Downloader(session, options.progress_bar)(found.link, options.download_dir)
        return SUCCESS


def main(name: str, version: str, distribution: str, folder: str) -> int:
    """Download into ``folder``; returns pip's exit code, its messages go to standard error."""
    command = FileCommand("download", "")
    options = ["--no-deps", "--progress-bar", "off", "--dest", folder, *FORMATS[distribution]]
    return command.main([*options, "--", name, version])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
