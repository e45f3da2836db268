"""The errors of answering and serving, on the root that `index.errors` draws.

    QAError
    ├── ModelError                        the language model gave no usable reply
    │   ├── ModelUnavailable              it could not be reached, or said that it can't serve
    │   │   ├── ModelHostUnresolved       DNS does not know its host
    │   │   ├── ModelConnectionRefused    nothing listens at its address
    │   │   ├── ModelConnectionReset      it hung up before it replied
    │   │   ├── ModelTLSFailed            its certificate or its TLS is not acceptable
    │   │   ├── ModelServerError          it failed by its own account (HTTP 5xx)
    │   │   └── ModelOverloaded           it has no capacity (HTTP 503, 529)
    │   ├── ModelTimeout                  it was too slow
    │   │   ├── ModelConnectTimeout       to accept a connection
    │   │   ├── ModelFirstTokenTimeout    to send its first token
    │   │   ├── ModelIdleTimeout          to send its next token
    │   │   └── ModelDeadlineExceeded     to finish within the answer's time
    │   ├── ModelRateLimited              it wants fewer requests
    │   ├── ModelAuthentication           the key is missing, wrong or without rights or funds
    │   ├── ModelNotFound                 the provider has no such model, or there is no such provider
    │   ├── ModelRequestRejected          it does not accept a parameter of the request
    │   ├── ContextOverflow               the prompt is longer than its context
    │   ├── ModelRefused                  it, or a content filter before it, refused
    │   ├── ModelIncomplete               the reply has no proper end
    │   │   ├── ModelTruncated            the stream was cut
    │   │   └── ModelLengthLimit          it came to its limit of tokens
    │   ├── ModelProtocolError            what came is not a reply
    │   │   ├── ModelReplyEmpty           no text
    │   │   ├── ModelReplyMalformed       broken JSON, HTTP or shape
    │   │   └── ModelReplyContentType     an HTML page
    │   ├── BudgetExhausted               the key has no budget left for the call today
    │   ├── RequestOverBudget             the call costs more than one request may
    │   └── ModelPriceUnknown             there is a budget in dollars, and no price to count by
    ├── Cancelled                         nobody waits for the answer any more
    ├── SettingsError                     a setting is missing or wrong
    ├── BackupError                       a backup can't be written, or is none that can be restored
    ├── Unauthorized                      the request has no valid key
    ├── Forbidden                         the request may not be made from there
    ├── RateLimited                       the key or the address has sent too many requests
    ├── RequestTooSlow                    the request's body did not come in time
    ├── ConversationFull                  the conversation takes no more turns
    ├── UrlsDisabled                      the service fetches no documents by their address
    ├── UrlRefused                        an address is not one that may be fetched
    ├── UrlUnreachable                    what stands at an address could not be had
    │   └── UrlTimeout                    it was too slow
    ├── Overloaded                        as much is worked on as the process can
    ├── StartingUp                        the process can't serve yet
    ├── ShuttingDown                      the process is about to end
    └── ServiceError                      a running service refused, or could not be reached

The model's errors never quote the prompt, the reply, the key or the provider's own words.
"""

from typing import TYPE_CHECKING, ClassVar

from index.errors import QAError

if TYPE_CHECKING:
    from qa_service.llm.chat import Usage


class ModelError(QAError):
    """The language model gave no usable reply.

    `retryable` says whether the same request to the same model may well succeed a moment later, `charged`
    whether the provider may ask money for it, although it did not say how much was consumed.
    `retry_after_seconds` is the wait that the provider asked for; `usage` is what the failed call is known to
    have consumed.
    """

    code = "model_failed"
    status = 502
    retryable: ClassVar[bool] = False
    charged: ClassVar[bool] = False

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, usage: "Usage | None" = None
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.usage = usage


class ModelUnavailable(ModelError):
    """The model could not be reached, or said that it can't serve."""

    code = "model_unavailable"
    status = 503
    retryable = True


class ModelHostUnresolved(ModelUnavailable):
    """DNS does not know the model's host."""

    code = "model_host_unresolved"


class ModelConnectionRefused(ModelUnavailable):
    """Nothing listens at the model's address."""

    code = "model_connection_refused"


class ModelConnectionReset(ModelUnavailable):
    """The model's server hung up before it sent a token."""

    code = "model_connection_reset"


class ModelTLSFailed(ModelUnavailable):
    """The certificate or the TLS of the model's server is not acceptable."""

    code = "model_tls_failed"
    retryable = False


class ModelServerError(ModelUnavailable):
    """The model's server failed by its own account."""

    code = "model_server_error"


class ModelOverloaded(ModelUnavailable):
    """The model's server has no capacity at the moment."""

    code = "model_overloaded"


class ModelTimeout(ModelError):
    """The model was too slow."""

    code = "model_timeout"
    status = 504


class ModelConnectTimeout(ModelTimeout):
    """The model's server did not accept a connection in time; nothing was sent."""

    code = "model_connect_timeout"
    retryable = True


class ModelFirstTokenTimeout(ModelTimeout):
    """The first token did not come in time. Not retryable: the provider may charge for what it works on."""

    code = "model_first_token_timeout"
    charged = True


class ModelIdleTimeout(ModelTimeout):
    """The next token did not come in time."""

    code = "model_idle_timeout"
    charged = True


class ModelDeadlineExceeded(ModelTimeout):
    """The time for the whole answer is over."""

    code = "model_deadline_exceeded"
    charged = True


class ModelRateLimited(ModelError):
    """The provider wants fewer requests."""

    code = "model_rate_limited"
    status = 503
    retryable = True


class ModelAuthentication(ModelError):
    """The provider's key is missing, wrong, or without rights or funds."""

    code = "model_authentication"


class ModelNotFound(ModelError):
    """The provider has no such model, or there is no such provider."""

    code = "model_not_found"


class ModelRequestRejected(ModelError):
    """The model does not accept a parameter of the request."""

    code = "model_request_rejected"


class ContextOverflow(ModelError):
    """The prompt is longer than the model's context."""

    code = "context_overflow"
    status = 413


class ModelRefused(ModelError):
    """The model, or a content filter before it, refused."""

    code = "model_refused"
    charged = True
    status = 422


class ModelIncomplete(ModelError):
    """The reply has no proper end; what came of it must not pass for the whole."""

    code = "model_incomplete"
    charged = True


class ModelTruncated(ModelIncomplete):
    """The stream was cut."""

    code = "model_truncated"


class ModelLengthLimit(ModelIncomplete):
    """The reply came to its limit of tokens."""

    code = "model_length_limit"


class ModelProtocolError(ModelError):
    """What came is not a reply."""

    code = "model_protocol_error"


class ModelReplyEmpty(ModelProtocolError):
    """The reply holds no text."""

    code = "model_reply_empty"
    charged = True


class ModelReplyMalformed(ModelProtocolError):
    """The reply is broken: its HTTP, its JSON or its shape."""

    code = "model_reply_malformed"
    charged = True


class ModelReplyContentType(ModelProtocolError):
    """A web page came instead of a reply."""

    code = "model_reply_content_type"


class BudgetExhausted(ModelError):
    """The key has no budget left for the call today; nothing was sent."""

    code = "budget_exhausted"
    status = 429


class RequestOverBudget(ModelError):
    """The call costs more than what is left of one request's budget; nothing was sent."""

    code = "request_over_budget"
    status = 413


class ModelPriceUnknown(ModelError):
    """There is a budget in dollars, and no price to count the model by; nothing was sent."""

    code = "model_price_unknown"


class Cancelled(QAError):
    """Nobody waits for the answer any more. No `ModelError`: nothing else is to be tried for it."""

    code = "cancelled"
    status = 499


class SettingsError(QAError):
    """A setting is missing or wrong."""

    code = "settings_invalid"


class BackupError(QAError):
    """A backup can't be written, or a file is no backup that can be restored; nothing was changed."""

    code = "backup_failed"


class Unauthorized(QAError):
    """The request has no valid key."""

    code = "unauthorized"
    status = 401


class Forbidden(QAError):
    """The request may not be made from there."""

    code = "forbidden"
    status = 403


class RateLimited(QAError):
    """The key or the address has sent too many requests; it may come again after `retry_after_seconds`."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RequestTooSlow(QAError):
    """The request's body did not come in time."""

    code = "request_too_slow"
    status = 408


class ConversationFull(QAError):
    """The conversation takes no more turns."""

    code = "conversation_full"
    status = 409


class UrlsDisabled(QAError):
    """The service fetches no documents by their address."""

    code = "urls_disabled"
    status = 403


class UrlRefused(QAError):
    """The address, or one that it redirects to, is not one that may be fetched."""

    code = "url_refused"
    status = 403


class UrlUnreachable(QAError):
    """What stands at the address could not be had; nothing was stored."""

    code = "url_unreachable"
    status = 502


class UrlTimeout(UrlUnreachable):
    """What stands at the address did not come in time; nothing was stored."""

    code = "url_timeout"
    status = 504


class Overloaded(QAError):
    """As much is worked on as the process can, and as much waits; nothing was done."""

    code = "overloaded"
    status = 503
    retry_after_seconds: ClassVar[float] = 1.0


class StartingUp(QAError):
    """The process can't serve yet."""

    code = "starting_up"
    status = 503
    retry_after_seconds: ClassVar[float] = 1.0


class ShuttingDown(QAError):
    """The process is about to end and takes no more work."""

    code = "shutting_down"
    status = 503
    retry_after_seconds: ClassVar[float] = 5.0


class ServiceError(QAError):
    """A running service refused, then with the `http_status` of its reply, or could not be reached."""

    code = "service_failed"
    status = 502

    def __init__(self, message: str, *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
