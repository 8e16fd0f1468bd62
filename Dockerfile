# A server of one exported model, without torch:
#   docker build --build-arg MODEL=models/exported/students/movies-tinybert4 -t tinybert .
#   docker run --rm -p 8000:8000 tinybert
FROM python:3.11-slim
ARG MODEL=models/exported/students/movies-tinybert4
RUN useradd --create-home serve
WORKDIR /app
COPY requirements-serve.txt constraints.txt ./
RUN pip install --no-cache-dir --requirement requirements-serve.txt --constraint constraints.txt
COPY tinybert/__init__.py tinybert/__main__.py tinybert/errors.py tinybert/
COPY tinybert/running/ tinybert/running/
COPY tinybert/runtime/ tinybert/runtime/
COPY tinybert/serve/ tinybert/serve/
COPY --chown=serve ${MODEL} ${MODEL}
USER serve
ENV MODEL=${MODEL} PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --start-period=20s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=3)"]
# exec: the server itself gets SIGTERM, and answers what was asked. It takes up to 30 s: `docker stop --time 35`.
CMD exec python -m tinybert serve "$MODEL" --host 0.0.0.0
