#!/usr/bin/python3
"""The server's side of NTLM by gss-ntlmssp. A line "CONNECTION TOKEN BINDING"
is answered with "continue TOKEN", "done USER" or "fail REASON". TOKEN is
base64, BINDING the application data of the channel in hex, - for none. The
users are in the file that NTLM_USER_FILE names."""
import base64
import sys

import gssapi
import gssapi.raw

NTLM = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
contexts = {}


def answer(connection, token, binding):
    ctx = contexts.get(connection)
    if ctx is None:
        creds = gssapi.Credentials(usage="accept", mechs=[NTLM])
        cb = None
        if binding != "-":
            cb = gssapi.raw.ChannelBindings(application_data=bytes.fromhex(binding))
        ctx = contexts[connection] = gssapi.SecurityContext(usage="accept", creds=creds, channel_bindings=cb)
    try:
        out = ctx.step(base64.b64decode(token))
    except gssapi.raw.GSSError as e:
        del contexts[connection]
        return "fail " + " ".join(str(e).split())
    if ctx.complete:
        del contexts[connection]
        bound = gssapi.RequirementFlag.channel_bound in ctx.actual_flags
        return "done " + str(ctx.initiator_name) + (" bound" if bound else "")
    return "continue " + base64.b64encode(out or b"").decode()


for line in sys.stdin:
    print(answer(*line.split()), flush=True)
