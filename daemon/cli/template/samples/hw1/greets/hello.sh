echo 'Hello, world!'
