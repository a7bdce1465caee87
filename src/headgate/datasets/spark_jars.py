"""Spark's S3 connector: which version, and its jars fetched ahead of time.

``python -m headgate.datasets.spark_jars DIRECTORY`` leaves the jars in DIRECTORY, for ``SparkLoader(..., jars=...)`` or
HEADGATE_SPARK_JARS: a start that waits for no download, and machines without a way out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from headgate.errors import DatasetSetupError, HeadgateError, UsageError

__all__ = ["check_java", "connector_package", "fetch_jars", "jars_in", "spark_hadoop_version"]

JAVA_NEEDED = 17  # Spark 4's own need
# Its own metadata names what it needs in turn, in the versions it was built with: the SDK, the stream accelerator.
CONNECTOR = "org.apache.hadoop:hadoop-aws"
# Ivy's name for Maven Central is built in. Spark's default resolvers also ask ~/.m2, where another program may have
# left metadata without its jar; Ivy then gives up instead of asking further.
_IVY_SETTINGS = """<ivysettings><settings defaultResolver="central"/>
<resolvers><ibiblio name="central" m2compatible="true"/></resolvers></ivysettings>
"""
_POM = """<project><modelVersion>4.0.0</modelVersion><groupId>headgate</groupId><artifactId>jars</artifactId>
<version>1</version><packaging>pom</packaging><dependencies><dependency><groupId>{0}</groupId>
<artifactId>{1}</artifactId><version>{2}</version></dependency></dependencies></project>
"""
_FETCH_SECONDS = 1800  # 700 MB at 0.5 MB/s
_START = """
from pyspark.conf import SparkConf
from pyspark.java_gateway import launch_gateway
import sys
names = ["spark.jars.packages", "spark.jars.ivy", "spark.jars.ivySettings"]
conf = SparkConf(loadDefaults=False).setAll(list(zip(names, sys.argv[1:])))
launch_gateway(conf)
"""


def spark_hadoop_version() -> str:
    """Return the version of the Hadoop client inside the Spark that would be started.

    Raises
    ------
    DatasetSetupError
        pyspark is not installed, or SPARK_HOME names a directory without a Hadoop client.
    """
    names = [jar.name for jar in (_spark_home() / "jars").glob("hadoop-client-api-*.jar")]
    if not names:
        raise DatasetSetupError(
            f"{_spark_home()}: no hadoop-client-api-*.jar in its jars; unset SPARK_HOME, or name the S3 connector's "
            "version yourself: packages='org.apache.hadoop:hadoop-aws:VERSION'"
        )
    return names[0].removeprefix("hadoop-client-api-").removesuffix(".jar")


def _spark_home() -> Path:
    if home := os.environ.get("SPARK_HOME"):
        return Path(home)
    try:
        import pyspark
    except ImportError as error:
        raise DatasetSetupError("pyspark is not installed; pip install 'headgate[spark]'") from error
    return Path(pyspark.__file__).parent


def connector_package() -> str:
    """Return the connector's Maven coordinates: of the very version of Spark's Hadoop client, or classes do not fit."""
    return f"{CONNECTOR}:{spark_hadoop_version()}"


def jars_in(directory: str | Path) -> list[Path]:
    """Return the jars of ``directory``, which must have the connector among them, of the version of Spark's client.

    Raises
    ------
    DatasetSetupError
        It has not.
    """
    found = sorted(Path(directory).expanduser().glob("*.jar"))
    connectors = [match[1] for jar in found if (match := re.search(r"hadoop-aws-([\d.]+)\.jar$", jar.name))]
    wanted = spark_hadoop_version()
    remedy = f"fetch it: python -m headgate.datasets.spark_jars {directory}"
    if not connectors:
        raise DatasetSetupError(f"{directory}: no S3 connector (hadoop-aws-{wanted}.jar) among its jars; {remedy}")
    if set(connectors) != {wanted}:
        raise DatasetSetupError(
            f"{directory}: the S3 connector is {', '.join(connectors)}, Spark's Hadoop client is {wanted}, and the two "
            f"must be equal; empty the directory and {remedy}"
        )
    return found


def check_java() -> None:
    """Make sure of a Java that Spark runs on.

    Raises
    ------
    DatasetSetupError
        There is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    remedy = (
        f"install Java {JAVA_NEEDED} or newer (Debian: apt-get install default-jre-headless) or set JAVA_HOME to it"
    )
    if shutil.which(java) is None:
        raise DatasetSetupError(f"Spark needs Java, and {java} is not there; {remedy}")
    told = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if version is None or int(version[1]) < JAVA_NEEDED:
        found = f"Java {version[1]}" if version else "no Java"
        raise DatasetSetupError(f"Spark needs Java {JAVA_NEEDED} or newer, and {java} is {found}; {remedy}")


def fetch_jars(directory: str | Path) -> list[Path]:
    """Fetch the connector and what it needs (some 700 MB) into ``directory``, unless it is there; return the jars.

    Raises
    ------
    DatasetSetupError
        Java or pyspark is missing, or Maven Central could be reached neither by Spark's own resolver nor by mvn.
    """
    target = Path(directory)
    if any(target.glob(f"*hadoop-aws-{spark_hadoop_version()}.jar")):
        return jars_in(target)
    check_java()
    target.mkdir(parents=True, exist_ok=True)
    package = connector_package()
    # Beside the target, so that a move is a rename and an interrupted download leaves nothing that looks whole.
    with tempfile.TemporaryDirectory(dir=target, prefix=".fetching-") as work:
        fetched, log = _by_ivy(package, Path(work))
        if not fetched:
            fetched, log = _by_maven(package, Path(work), log)
        if not fetched:
            raise DatasetSetupError(
                f"{package}: cannot be fetched from Maven Central; where there is a mirror, name it in "
                f"~/.m2/settings.xml and have mvn installed; the last that was said:\n{log}"
            )
        for old in target.glob("*.jar"):
            old.unlink()
        # The connector last: where it is, the others are.
        for jar in sorted(fetched, key=lambda one: "hadoop-aws" in one.name):
            jar.rename(target / jar.name)
    return jars_in(target)


def _by_ivy(package: str, work: Path) -> tuple[list[Path], str]:
    """Let Spark resolve the package, as it does at a start with spark.jars.packages; no session is made."""
    (work / "ivysettings.xml").write_text(_IVY_SETTINGS)
    arguments = [sys.executable, "-c", _START, package, str(work / "ivy"), str(work / "ivysettings.xml")]
    log = _run(arguments)
    return sorted((work / "ivy" / "jars").glob("*.jar")), log


def _by_maven(package: str, work: Path, log: str) -> tuple[list[Path], str]:
    """Let mvn do it where there is one: it knows the mirrors of ~/.m2/settings.xml."""
    if shutil.which("mvn") is None:
        return [], log
    (work / "pom.xml").write_text(_POM.format(*package.split(":")))
    jars = work / "maven"
    arguments = ["mvn", "-B", "-q", "-f", str(work / "pom.xml"), "dependency:copy-dependencies"]
    said = _run([*arguments, f"-DoutputDirectory={jars}", "-DincludeScope=runtime"])
    return sorted(jars.glob("*.jar")), f"{log}\nmvn: {said}"


def _run(arguments: list[str]) -> str:
    """Run to the end and return the last lines that were said; what came of it is seen by the files there are."""
    try:
        done = subprocess.run(
            arguments, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"{arguments[0]}: not done within {_FETCH_SECONDS} s"
    return "\n".join(done.stdout.splitlines()[-12:])


def main(arguments: list[str]) -> int:
    """Fetch into the directory named, say so, and return the exit code."""
    try:
        if len(arguments) != 1:
            raise UsageError("usage: python -m headgate.datasets.spark_jars DIRECTORY")
        jars = fetch_jars(arguments[0])
    except HeadgateError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the message is what the command is for
        return error.exit_code
    print(f"{arguments[0]}: {', '.join(jar.name for jar in jars)}")  # noqa: T201 - likewise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
