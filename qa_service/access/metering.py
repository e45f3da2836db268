"""A chat model that is asked only as long as there is budget, for the calls of one request."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from qa_service.access.budgets import Amount, Budgets
from qa_service.errors import ModelError, ModelPriceUnknown, RequestOverBudget
from qa_service.llm import NO_USAGE, ChatModel, Deadline, Finish, Message, Piece, Usage, told


class PricedModel(ChatModel, Protocol):
    """A chat model that knows what it may cost."""

    def most(self, messages: Sequence[Message], max_tokens: int) -> Usage:
        """The most that a call may consume, of all models that may be asked; the cost is None where not known."""
        ...

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """The most that a call may cost, in US dollars; None where not known."""
        ...


class Account:
    """What one request of an owner has spent so far, in all its calls."""

    def __init__(self, budgets: Budgets, owner: str) -> None:
        self.budgets = budgets
        self.owner = owner
        self.spent = Amount()


class MeteredModel:
    """Another model, asked on an account: the most that a call can cost is reserved, what it did cost is booked.

    A call that failed before the model wrote anything costs nothing, unless its provider may charge for it.
    Where no usage was told, or one that can't be, as for a call that was dropped, all that was reserved is
    booked: the provider may have read the whole prompt, and may write on to the limit when nobody reads.
    So no more is ever spent than the budget, as long as providers keep to `max_tokens` and tell the truth.
    """

    def __init__(self, model: PricedModel, account: Account) -> None:
        self._model = model
        self._account = account

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        """The model's reply; raises `BudgetExhausted` or `RequestOverBudget` before anything is sent."""
        account, budgets = self._account, self._account.budgets
        most = self._amount(self._model.most(messages, max_tokens))
        if not budgets.request.allows(account.spent + most):
            raise RequestOverBudget(
                f"this call may need {most.tokens} tokens and {most.usd:.4f} US dollars, more than is left of what "
                "a request may spend: raise QA_MAX_REQUEST_TOKENS and QA_MAX_REQUEST_USD, or ask with fewer passages"
            )
        reservation = budgets.reserve(account.owner, most)
        charged, usage, end = False, None, None
        try:
            for piece in self._model.stream(messages, max_tokens=max_tokens, deadline=deadline):
                if isinstance(piece, Finish):
                    usage, end = told(piece.usage), piece
                    break
                charged = True
                yield piece
        except ModelError as error:
            charged = charged or error.charged
            usage = told(error.usage) if charged or error.usage else NO_USAGE
            raise
        finally:
            spent = most
            try:
                if usage is not None and (usage.tokens or not charged):
                    spent = self._amount(usage)
            finally:
                account.spent += spent
                budgets.settle(reservation, spent)
        if end:
            yield end

    def _amount(self, usage: Usage) -> Amount:
        if not self._account.budgets.count_money:
            return Amount(usage.tokens)
        cost = usage.cost_usd
        if cost is None:
            cost = self._model.price(usage.prompt_tokens, usage.completion_tokens)
        if cost is None:
            raise ModelPriceUnknown(
                f"litellm knows no price for {self._model.name} or one of its fallbacks, so that dollars can't be "
                "counted: set QA_MAX_REQUEST_TOKENS and QA_MAX_DAY_TOKENS instead"
            )
        return Amount.of(usage.tokens, cost)
