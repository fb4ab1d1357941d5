"""A imagem do curso sem Docker e sem registro de imagens: o buildah a constrói e o crun a executa.

A base que o Dockerfile pede viria de um registro. Aqui o mmdebstrap a refaz com os pacotes da mesma versão do
Debian, e ela fica em `artifacts/container/` para a próxima vez. O resto é o Dockerfile como está.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import yaml
from needs import miss
from waiting import PATIENCE_S

from course_utils.model import artifacts

DOCKERFILE = Path("course_utils", "serving", "container", "Dockerfile")
STORE = artifacts.ARTIFACTS / "container"
TAG = "localhost/leitor-de-cep:prova"
PACKAGES = "python3,python3-pip,ca-certificates"
CERTIFICATES = "/etc/ssl/certs"  # se a máquina passa por um proxy, o pip da imagem precisa confiar nele também
# O crun se recusa a trabalhar onde há cgroups v1 e v2 ao mesmo tempo; aqui ele não usa nem uns nem outros.
WITHOUT_CGROUPS = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh"]


def require_tools():
    if sys.platform != "linux" or os.geteuid() != 0:
        miss("construir e executar a imagem exige ser root no Linux")
    if missing := [tool for tool in ("buildah", "crun", "mmdebstrap", "ip") if not shutil.which(tool)]:
        miss(f"falta {', '.join(missing)}: apt-get install buildah crun mmdebstrap iproute2")


def call(*command):
    """O que o comando escreve (str); se falha, o fim do que ele disse."""
    run = subprocess.run(
        [*map(str, command)], cwd=artifacts.ROOT, env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, f"{command}: {run.stdout[-1500:]}{run.stderr[-1500:]}"
    return run.stdout.strip()


def buildah(*arguments):
    """O buildah, com um depósito só destes testes; o `vfs` funciona em qualquer sistema de arquivos."""
    return call(
        "buildah", "--root", STORE / "store", "--runroot", STORE / "run", "--storage-driver", "vfs", *arguments
    )


@contextlib.contextmanager
def built():
    """A imagem: `root` (Path, os arquivos dela), `config` (a da OCI), `added_bytes` (o que pusemos na base)."""
    buildah("rm", "--all")  # o que uma prova interrompida deixou
    make_base(re.search(r"^FROM (\S+)", (artifacts.ROOT / DOCKERFILE).read_text(encoding="utf-8"), flags=re.M)[1])
    buildah(
        "bud", "--pull-never", "--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro", "--file", DOCKERFILE,
        "--ignorefile", f"{DOCKERFILE}.dockerignore", "--tag", TAG, ".",
    )  # fmt: skip
    try:
        image = json.loads(buildah("inspect", "--type", "image", TAG))
        layers = json.loads(image["Manifest"])["layers"]
        yield SimpleNamespace(
            root=Path(buildah("mount", buildah("from", "--pull-never", TAG))),
            config=image["OCIv1"]["config"],
            added_bytes=sum(layer["size"] for layer in layers[1:]),
        )
    finally:
        buildah("rm", "--all")
        buildah("rmi", TAG)


def make_base(name):
    """`python:3.11-slim-bookworm` refeita: o Python do Debian, sem a trava que o Debian põe no pip."""
    python, suite = re.fullmatch(r"python:(3\.\d+)-slim-(\w+)", name).groups()
    full = f"docker.io/library/{name}"
    if full in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
        return
    container = buildah("from", "scratch")
    root = Path(buildah("mount", container))
    call(
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}",
        # Se faltar luz, refaz-se: gravar cada arquivo sem esperar o disco poupa metade do tempo.
        "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*", suite, root,
    )  # fmt: skip
    (root / "usr/bin/python").symlink_to(f"python{python}")
    (root / f"usr/lib/python{python}/EXTERNALLY-MANAGED").unlink()
    buildah("commit", "--quiet", "--rm", container, full)


def manifest():
    """`{tipo: objeto}` do kubernetes.yaml."""
    text = (artifacts.ROOT / DOCKERFILE).with_name("kubernetes.yaml").read_text(encoding="utf-8")
    return {item["kind"]: item for item in yaml.safe_load_all(text)}


class Running:
    """Um contêiner no ar, alcançado pela rede dele, como o de um Kubernetes. `pid`: o do processo, visto daqui."""

    def __init__(self, process, address, port, log):
        self.process, self.address, self.port, self.log, self.pid = process, address, port, log, None

    def connect(self):
        return http.client.HTTPConnection(self.address, self.port, timeout=PATIENCE_S)

    def request(self, method, path, body=None, content_type="application/octet-stream"):
        """`(status, corpo)`, numa conexão nova; levanta `OSError` se ninguém escuta."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, {"Content-Type": content_type, "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def wait_for(self, path, status=200):
        """Espera que `GET path` responda `status`; None é "ninguém escuta mais"."""
        limit = time.monotonic() + PATIENCE_S
        while self.status(path) != status:
            assert self.process.poll() is None or status is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < limit, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)

    def status(self, path):
        try:
            return self.request("GET", path)[0]
        except OSError:
            return None


@contextlib.contextmanager
def running(image, folder, pod, *, ready="/ping", port=8080, environment=None):
    """Executa a imagem como o `pod` do manifesto manda (usuário, poderes, raiz só de leitura); devolve `Running`.

    `environment`: as variáveis que a nuvem define. Espera até `GET ready` responder 200.
    """
    folder.mkdir()
    name = f"aula-{os.getpid()}"
    host, address = network(name)
    bundle = specification(image, pod, environment or {}, f"/run/netns/{name}")
    (folder / "config.json").write_text(json.dumps(bundle), encoding="utf-8")
    command = ["crun", "--root", folder / "state", "--cgroup-manager", "disabled"]
    log, pid = folder / "log.txt", folder / "pid"
    try:
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [*WITHOUT_CGROUPS, *map(str, command), "run", "--bundle", folder, "--pid-file", pid, name],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            started = Running(process, address, port, log)
            started.wait_for(ready)
            started.pid = int(pid.read_text())
            yield started
        finally:
            if process.poll() is None and pid.exists():
                os.kill(int(pid.read_text()), signal.SIGKILL)
            process.wait(PATIENCE_S)
    finally:
        call("ip", "link", "delete", host)
        call("ip", "netns", "delete", name)


def network(name):
    """Uma rede só do contêiner, ligada a esta máquina por um cabo virtual: `(ponta daqui, endereço de lá)`.

    192.0.2.0/24 é reservada à documentação (RFC 5737): não há nela ninguém a quem incomodar.
    """
    block = 4 * (os.getpid() % 64)
    here, there, host = f"192.0.2.{block + 1}", f"192.0.2.{block + 2}", f"a{os.getpid()}"
    call("ip", "netns", "add", name)
    call("ip", "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", name)
    call("ip", "address", "add", f"{here}/30", "dev", host)
    call("ip", "link", "set", host, "up")
    call("ip", "-netns", name, "address", "add", f"{there}/30", "dev", "eth0")
    for device in ("lo", "eth0"):
        call("ip", "-netns", name, "link", "set", device, "up")
    return host, there


def specification(image, pod, environment, network):
    """O `config.json` da OCI (opencontainers/runtime-spec) que o Kubernetes escreveria para este `pod`.

    Fica de fora o seccomp `RuntimeDefault`: a lista dele é de cada motor de contêineres.
    """
    (container,) = pod["containers"]
    user, power = pod["securityContext"], container["securityContext"]
    assert power["capabilities"] == {"drop": ["ALL"]}
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(image.root), "readonly": power["readOnlyRootFilesystem"]},
        "process": {
            "args": [*image.config["Entrypoint"], *container["args"]],
            "env": [*image.config["Env"], *(f"{name}={value}" for name, value in environment.items())],
            "cwd": image.config["WorkingDir"],
            "user": {"uid": user["runAsUser"], "gid": user["runAsGroup"]},
            "noNewPrivileges": not power["allowPrivilegeEscalation"],
            "capabilities": {},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {
                "destination": "/dev/shm",
                "type": "tmpfs",
                "source": "shm",
                "options": ["nosuid", "nodev", "size=64m"],
            },
        ],
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                {"type": "network", "path": network},
            ],
        },
    }
