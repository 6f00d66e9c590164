"""What `runtask send` reads: message files, rows, and the changes of the command line."""
