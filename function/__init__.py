"""The Lambda handler: turns each SQS message into one or more `ecs:RunTask` calls.

`handler` is the entry point, `application` handles a batch, and `processor` brings one record to
its outcome with the help of four packages, one for each question of a maintainer:

- `function.message`: what does this message ask for?
- `function.launch`: may it be launched now?
- `function.failures`: what does this failure mean for the message?
- `function.sqs`: what came from SQS, and what goes back to it?
"""
