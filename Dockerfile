# Builds the agent's image in two stages: a builder with pip, and a final stage without it.
# The base image is pinned to an exact version tag. Add its digest (`@sha256:...`) if your policy requires it.
ARG PYTHON=python:3.12.11-slim-bookworm

FROM ${PYTHON} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/stratoscope \
 && /opt/stratoscope/bin/pip install --require-hashes --only-binary :all: --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY exporters exporters
# The lock file also contains the build tools. They are needed for the wheel only and must not reach the final stage.
RUN /opt/stratoscope/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/stratoscope/bin/pip install --no-deps /wheel/*.whl \
 && /opt/stratoscope/bin/pip uninstall --yes hatchling editables trove-classifiers packaging pathspec pluggy tomlkit \
 && /opt/stratoscope/bin/pip check \
 && /opt/stratoscope/bin/pip uninstall --yes setuptools pip \
 && /opt/stratoscope/bin/python -m compileall -q /opt/stratoscope/lib

FROM ${PYTHON}
# Remove pip and ensurepip so that nothing can be installed in the running image.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
 && rm -rf /usr/local/lib/python3*/ensurepip \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/stratoscope
COPY --from=builder /opt/stratoscope /opt/stratoscope
ENV PATH=/opt/stratoscope/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /var/lib/stratoscope
EXPOSE 9860
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9860/-/healthy', timeout=3)"]
ENTRYPOINT ["stratoscope"]
CMD ["run", "--config", "/etc/stratoscope/stratoscope.yaml"]
