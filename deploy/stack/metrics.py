"""What a service's `/metrics` says, as commands read it."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from deploy.stack.errors import StackError
from shared.runtime.tls import trusting


def read(url: str, key: str, ca: str = "") -> dict[str, float]:
    """{name: value} of those metrics that have no labels; `ca` certifies an `https://` address (PEM).

    Raises StackError.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(f"{url}/metrics", headers=headers, timeout=10, trust_env=False, verify=trusting(ca))
    except httpx.HTTPError as error:
        raise StackError(f"{url} does not answer: is the system up? ({error})") from None
    if answer.status_code != httpx.codes.OK:
        raise StackError(f"{url}/metrics answers {answer.status_code}: an operator's key is needed, KETNAP_KEY")
    families = text_string_to_metric_families(answer.text)
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}
