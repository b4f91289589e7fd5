"""FastAPI with PhoneProof: pages that sign people in, and an API behind the Python SDK."""

import json
import os
from typing import Annotated

from clerk_backend_api import Clerk
from clerk_backend_api.models import User
from clerk_backend_api.security import TokenVerificationError, VerifyTokenOptions, verify_token_async
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from svix.webhooks import Webhook, WebhookVerificationError

from pages import page

PHONEPROOF = os.environ["CLERK_API_URL"]
SECRET_KEY = os.environ["CLERK_SECRET_KEY"]

app = FastAPI()
clerk = Clerk(bearer_auth=SECRET_KEY, server_url=f"{PHONEPROOF}/v1")


async def current_user(bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]) -> User:
    """The user whose session token the page sends. `authenticate_request` would ask Clerk's own host for the keys."""
    if bearer is None:
        raise HTTPException(401, "not signed in")
    try:
        claims = await verify_token_async(bearer.credentials, VerifyTokenOptions(secret_key=SECRET_KEY, api_url=PHONEPROOF))
    except TokenVerificationError as error:
        raise HTTPException(401, str(error)) from error
    return await clerk.users.get_async(user_id=claims["sub"])


@app.get("/api/me")
async def me(user: Annotated[User, Depends(current_user)]):
    return {"userId": user.id, "phoneNumbers": [number.phone_number for number in user.phone_numbers or []]}


@app.post("/webhooks", status_code=204)
async def webhooks(request: Request) -> Response:
    body = await request.body()
    try:
        Webhook(os.environ["CLERK_WEBHOOK_SIGNING_SECRET"]).verify(body, dict(request.headers))
    except WebhookVerificationError as error:
        raise HTTPException(400, "not signed by PhoneProof") from error
    event = json.loads(body)
    print(event["type"], event["data"].get("id", ""), flush=True)
    return Response(status_code=204)


@app.get("/", response_class=HTMLResponse)
def home() -> str:
    return page("FastAPI with PhoneProof")


@app.get("/sign-in", response_class=HTMLResponse)
def sign_in() -> str:
    return page("Sign in", component="SignIn")


@app.get("/sign-up", response_class=HTMLResponse)
def sign_up() -> str:
    return page("Sign up", component="SignUp")


@app.get("/account", response_class=HTMLResponse)
def account() -> str:
    return page("Your account", component="UserProfile", protected=True)
