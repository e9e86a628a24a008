"""tally.py JUNIT.xml …: adds the files up and prints the plain last line, "N passed, N failed"."""

import sys
import xml.etree.ElementTree as xml


def main():
    passed = failed = skipped = 0
    for name in sys.argv[1:]:
        for case in xml.parse(name).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
