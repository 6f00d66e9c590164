"""The Lambda handler: a message on the queue becomes one or more `ecs:RunTask` calls."""
