echo 'Good morning!'
