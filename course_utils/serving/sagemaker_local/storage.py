"""O S3 do moto visto de dentro do processo dele: ler, gravar e listar por endereço `s3://balde/chave`."""

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends


def split(uri):
    """`s3://balde/chave` → `(balde, chave)`. Levanta `ValueError` se não é um endereço do S3."""
    scheme, _, place = uri.partition("://")
    bucket, _, key = place.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"{uri} não é um endereço s3://balde/chave.")
    return bucket, key


def read(uri):
    """O conteúdo do objeto (bytes). Levanta `FileNotFoundError` se ele, ou o balde, não existe."""
    bucket, key = split(uri)
    found = _bucket(bucket).keys.get(key)
    if found is None:
        raise FileNotFoundError(f"Não há objeto em {uri}.")
    return found.value


def write(uri, content):
    """Grava `content` (bytes) no objeto. Levanta `FileNotFoundError` se o balde não existe."""
    bucket, key = split(uri)
    _bucket(bucket)
    _backend().put_object(bucket, key, content)


def keys(uri):
    """As chaves do balde que começam pela de `uri`, em ordem (lista de str); pastas vazias não contam."""
    bucket, prefix = split(uri)
    return sorted(key for key in _bucket(bucket).keys if key.startswith(prefix) and not key.endswith("/"))


def _backend():
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _bucket(name):
    try:
        return _backend().buckets[name]
    except KeyError:
        raise FileNotFoundError(f"Não há o balde {name}.") from None
