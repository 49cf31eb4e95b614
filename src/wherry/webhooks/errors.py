"""What can go wrong with webhooks.

WebhookError
├── WebhookUnknown
├── WebhookExists
├── SenderUnknown
├── SenderExists
├── InvalidWebhook
├── DeliveryUnknown
├── DeliveryFailed      the other side did not take it; the text says why
├── InvalidHook         what a sender sent cannot be read
└── NotAuthentic        who sends a webhook to Wherry did not prove who they are
"""


class WebhookError(Exception):
    """The root of these."""


class WebhookUnknown(WebhookError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no webhook {name}")
        self.name = name


class WebhookExists(WebhookError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is a webhook {name} already")
        self.name = name


class SenderUnknown(WebhookError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is no sender {name}")
        self.name = name


class SenderExists(WebhookError):
    def __init__(self, name: str) -> None:
        super().__init__(f"there is a sender {name} already")
        self.name = name


class InvalidHook(WebhookError):
    """The reason is for who set up the sender."""


class InvalidWebhook(WebhookError):
    """`field` is what it is about."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class DeliveryUnknown(WebhookError):
    def __init__(self, delivery: int) -> None:
        super().__init__(f"there is no delivery {delivery}")
        self.delivery = delivery


class DeliveryFailed(WebhookError):
    """`status` is what the other side answered, None where it did not answer. `is_final`: never try again."""

    def __init__(self, reason: str, status: int | None = None, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.is_final = is_final


class NotAuthentic(WebhookError):
    """The reason is for the log; the sender learns no more than that it was refused."""
